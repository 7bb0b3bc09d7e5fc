import asyncio
async def robust_streaming():
    async with SaaSLLMClient(base_url, team_id, virtual_key) as client:
        job_id = await client.create_job("chat")
        try:
            accumulated = ""
            chunk_count = 0
            async for chunk in client.chat_stream(
                job_id=job_id,
                messages=[{"role": "user", "content": "Tell me a story"}]
            ):
                chunk_count += 1
                if chunk.choices:
                    content = chunk.choices[0].delta.get("content", "")
                    accumulated += content
                    print(content, end="", flush=True)
            print(f"\n\nStream completed successfully ({chunk_count} chunks)")
            await client.complete_job(job_id, "completed")
        except asyncio.TimeoutError:
            print("\n\nStream timed out")
            await client.complete_job(job_id, "failed")
        except Exception as e:
            print(f"\n\nStream error: {e}")
            await client.complete_job(job_id, "failed")
            # Log the partial response
            if accumulated:
                print(f"Partial response received: {accumulated[:100]}...")
