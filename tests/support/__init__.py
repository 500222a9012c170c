"""What several tests need: runs, servers, prices and rows."""
