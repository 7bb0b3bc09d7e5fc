try:
    # Make LLM call
    response = llm_call(job_id, messages)
    # Complete successfully
    complete_job(job_id, "completed")
except Exception as e:
    # Mark job as failed (important for credit tracking!)
    complete_job(job_id, "failed", error_message=str(e))
    raise
