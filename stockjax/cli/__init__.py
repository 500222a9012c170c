"""The command `stockjax`."""
