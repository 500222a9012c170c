"""The network: an LSTM that says where and how wide the next return lies."""
