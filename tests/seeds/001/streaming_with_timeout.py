import asyncio
async def streaming_with_timeout():
    async with SaaSLLMClient(base_url, team_id, virtual_key) as client:
        job_id = await client.create_job("chat")
        try:
            # Set overall timeout for the stream
            async with asyncio.timeout(60): # 60 seconds
                async for chunk in client.chat_stream(
                    job_id=job_id,
                    messages=[{"role": "user", "content": "Write a long essay"}]
                ):
                    # Process chunks
                    pass
        except asyncio.TimeoutError:
            print("Stream exceeded 60 second timeout")
            await client.complete_job(job_id, "failed")
