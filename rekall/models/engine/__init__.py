"""The embedding engine: model folders, tokens, and the ONNX Runtime session."""
