UPDATE storage_order SET run_after = $run_after, sorted_through = $sorted_through WHERE table_name = $name;
