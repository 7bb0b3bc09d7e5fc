-- How many calls were begun in a job, of which there are only so many. Jobs that have ended take no more.
ALTER TABLE jobs ADD COLUMN calls_begun BIGINT NOT NULL DEFAULT 0;
UPDATE jobs SET calls_begun = (SELECT count(*) FROM job_calls c WHERE c.job = jobs.id)
    WHERE state IN ('pending', 'in_progress');
