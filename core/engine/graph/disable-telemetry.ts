/**
 * Turns off the telemetry of onnxruntime, which otherwise writes a device id and a queue of events
 * with model names to the user's cache folder. onnxruntime reads the variable when it starts.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1'
