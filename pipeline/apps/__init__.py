"""Programs around the pipeline: server, study, benchmark, doctor, explanation."""
