"""The network: an LSTM that says where and how wide the next return lies."""

import jax

# Its programs are of 32 bits, whatever JAX_ENABLE_X64 says.
jax.config.update("jax_enable_x64", False)  # type: ignore[no-untyped-call]
