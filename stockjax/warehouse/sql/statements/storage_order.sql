SELECT run_after, sorted_through FROM storage_order WHERE table_name = $name;
