"""The exact answer as DuckDB SQL, written from the definitions alone: shares no code with the product."""
