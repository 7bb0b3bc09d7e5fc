//! Errors that the corpus does not hold: other wordings, other models, other shapes. They guard
//! against rules that know only the sample.

use tollgate_core::error::Code::{
    self, ContentFiltered as Filtered, ContextLengthExceeded as Context,
    ProviderAuthenticationFailed as Key, ProviderDataPolicy as DataPolicy, ProviderError as Fault,
    ProviderGenerationFailed as Generation, ProviderInvalidRequest as Invalid,
    ProviderInvalidResponse as NoAnswer, ProviderModelNotFound as Model,
    ProviderOverloaded as Busy, ProviderPermissionDenied as Permission,
    ProviderQuotaExhausted as Quota, ProviderRateLimited as Rate,
    ProviderRequestTooLarge as TooLarge, ProviderTimeout as Timeout,
};

use super::answer;
use crate::failure::classify;

/// Status, body, and what it means.
const ROWS: &[(u16, &str, Code)] = &[
    // Only a status.
    (400, "", Invalid),
    (401, "", Key),
    (402, "", Quota),
    (403, "", Permission),
    (404, "", Model),
    (405, "", Invalid),
    (408, "", Timeout),
    (409, "", Fault),
    (410, "", Model),
    (413, "", TooLarge),
    (414, "", TooLarge),
    (415, "", Invalid),
    (418, "", Invalid),
    (422, "", Invalid),
    (429, "", Rate),
    (431, "", TooLarge),
    (451, "", Permission),
    (498, "", Key),
    (499, "", Timeout),
    (500, "", Fault),
    (501, "", Invalid),
    (502, "", Fault),
    (503, "", Fault),
    (504, "", Timeout),
    (520, "", Fault),
    (521, "", Fault),
    (522, "", Fault),
    (523, "", Fault),
    (524, "", Timeout),
    (525, "", Fault),
    (529, "", Busy),
    (530, "", Fault),
    (302, "", NoAnswer),
    (200, "", NoAnswer),
    (0, "", NoAnswer),
    // A name outweighs the apology beside it.
    (
        200,
        r#"{"error":{"message":"The server had an error while processing your request.","type":"rate_limit_error","code":"rate_limit_exceeded"}}"#,
        Rate,
    ),
    (
        200,
        r#"{"error":{"message":"The server had an error while processing your request.","type":"rate_limit_error"}}"#,
        Rate,
    ),
    (
        200,
        r#"{"error":{"message":"The server had an error while processing your request.","code":429}}"#,
        Rate,
    ),
    (
        200,
        r#"{"error":{"message":"Request timed out.","code":"rate_limit_exceeded"}}"#,
        Rate,
    ),
    (
        200,
        r#"{"error":{"message":"The server had an error while processing your request.","code":"insufficient_quota"}}"#,
        Quota,
    ),
    (
        200,
        r#"{"error":{"message":"An internal error occurred.","type":"permission_error"}}"#,
        Permission,
    ),
    // What refines the name still does.
    (
        200,
        r#"{"error":{"message":"You exceeded your current quota, please check your plan.","code":"rate_limit_exceeded"}}"#,
        Quota,
    ),
    (
        200,
        r#"{"error":{"message":"Rate limit reached on requests per day (RPD).","code":"rate_limit_exceeded"}}"#,
        Quota,
    ),
    (
        200,
        r#"{"error":{"message":"Request too large for x on tokens per min (TPM).","code":"rate_limit_exceeded"}}"#,
        TooLarge,
    ),
    // Pages and texts of what stands in front.
    (
        401,
        "<html><head><title>401 Authorization Required</title></head></html>",
        Key,
    ),
    (
        403,
        "<!DOCTYPE html><title>Just a moment...</title>",
        Permission,
    ),
    (404, "<html><title>404 Not Found</title></html>", Model),
    (
        413,
        "<html><title>413 Request Entity Too Large</title></html>",
        TooLarge,
    ),
    (429, "<html><h1>429 Too Many Requests</h1></html>", Rate),
    (
        502,
        "<html><title>502 Bad Gateway</title><h1>invalid api key quota</h1></html>",
        Fault,
    ),
    (
        504,
        "<html><title>504 Gateway Time-out</title></html>",
        Timeout,
    ),
    (200, "<html><title>Welcome</title></html>", NoAnswer),
    (200, "{\"id\":\"x\",\"choi", NoAnswer),
    (
        200,
        "{\"id\":\"x\",\"object\":\"chat.completion\",\"choices\":[]}",
        NoAnswer,
    ),
    (
        503,
        "upstream connect error or disconnect/reset before headers. reset reason: overflow",
        Fault,
    ),
    (503, "no healthy upstream", Fault),
    (504, "upstream request timeout", Timeout),
    (500, "Internal Server Error", Fault),
    (429, "Too Many Requests", Rate),
    (404, "404 page not found", Model),
    (400, "\u{fffd}\u{1}\u{2}\u{fffd}\u{fffd}", Invalid),
    // The key.
    (
        401,
        r#"{"error":{"message":"Missing bearer or basic authentication in header","type":"invalid_request_error","code":null}}"#,
        Key,
    ),
    (
        401,
        r#"{"error":{"message":"You didn't provide an API key.","type":"invalid_request_error","param":null,"code":null}}"#,
        Key,
    ),
    (
        401,
        r#"{"error":{"message":"No auth credentials found","code":401}}"#,
        Key,
    ),
    (
        401,
        r#"{"error":{"message":"User not found.","code":401}}"#,
        Key,
    ),
    (401, r#"{"error":"Unauthorized"}"#, Key),
    (
        401,
        r#"{"message":"Wrong API Key","type":"invalid_request_error","param":"api_key","code":"wrong_api_key"}"#,
        Key,
    ),
    (
        401,
        r#"{"message":"Unauthorized","request_id":"5d1f"}"#,
        Key,
    ),
    (
        400,
        r#"{"error":{"code":400,"message":"API key expired. Please renew the API key.","status":"INVALID_ARGUMENT"}}"#,
        Key,
    ),
    (
        400,
        r#"[{"error":{"code":400,"message":"Please pass a valid key.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]"#,
        Key,
    ),
    (
        403,
        r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","code":"invalid_api_key"}}"#,
        Key,
    ),
    (
        401,
        r#"{"error":{"message":"Invalid Authentication","type":"invalid_authentication_error"}}"#,
        Key,
    ),
    (
        401,
        r#"{"error":{"message":"Authentication Error, Invalid proxy server token passed","type":"auth_error","param":"None","code":"401"}}"#,
        Key,
    ),
    (
        500,
        r#"{"error":{"message":"litellm.AuthenticationError: OpenAIException - denied","type":null,"param":null,"code":"401"}}"#,
        Key,
    ),
    (
        401,
        r#"{"error":{"message":"无效的令牌","type":"new_api_error"}}"#,
        Key,
    ),
    // Permission and region.
    (
        403,
        r#"{"error":{"message":"You are not allowed to sample from this model","type":"invalid_request_error","param":null,"code":null}}"#,
        Permission,
    ),
    (
        403,
        r#"{"error":{"message":"Your organization must be verified to stream this model.","type":"invalid_request_error","param":"stream","code":"unsupported_value"}}"#,
        Permission,
    ),
    (
        400,
        r#"{"error":{"message":"Your organization must be verified to stream this model. If you just verified, wait.","type":"invalid_request_error","param":"stream","code":"unsupported_value"}}"#,
        Permission,
    ),
    (
        403,
        r#"{"error":{"code":"AccessDenied","message":"Public access is disabled. Please configure private endpoint."}}"#,
        Permission,
    ),
    (
        403,
        r#"{"code":"The caller does not have permission to execute the specified operation","error":"Access to the chat endpoint is denied. Please ask your administrator."}"#,
        Permission,
    ),
    (
        401,
        r#"{"error":{"message":"You have insufficient permissions for this operation. Missing scopes: model.request.","type":"invalid_request_error","param":null,"code":"missing_scope"}}"#,
        Permission,
    ),
    (
        400,
        r#"{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}"#,
        Permission,
    ),
    (
        403,
        r#"{"error":"Access to model x/y is restricted. You must have access to it and be authenticated. It is a gated model."}"#,
        Permission,
    ),
    (
        403,
        r#"{"error":{"message":"key not allowed to access model.","type":"key_model_access_denied","param":"model","code":"403"}}"#,
        Permission,
    ),
    // The account's money and allowance.
    (
        429,
        r#"{"error":{"message":"Quota for this key is gone","type":"weird","code":"E77"}}"#,
        Quota,
    ),
    (
        429,
        r#"{"error":{"message":"You exceeded your current quota, please check your plan","type":"insufficient_quota","code":"insufficient_quota"}}"#,
        Quota,
    ),
    (
        429,
        r#"{"error":{"message":"Your account is suspended due to insufficient balance, please recharge","type":"exceeded_current_quota_error"}}"#,
        Quota,
    ),
    (
        400,
        r#"{"error":{"message":"Your credit balance is too low to access the API.","type":"invalid_request_error"}}"#,
        Quota,
    ),
    (
        400,
        r#"{"error":{"message":"Access denied, please make sure your account is in good standing.","type":"Arrearage","param":null,"code":"Arrearage"}}"#,
        Quota,
    ),
    (
        403,
        r#"{"error":{"code":"AllocationQuota.FreeTierOnly","message":"The free tier of the model has been exhausted."}}"#,
        Quota,
    ),
    (
        403,
        r#"{"error":{"code":403,"message":"Budget limit exceeded (monthly limit)."}}"#,
        Quota,
    ),
    (
        403,
        r#"{"error":{"code":403,"message":"Key limit exceeded (total limit). Manage it in your settings"}}"#,
        Quota,
    ),
    (
        412,
        r#"{"error":{"message":"Account acme is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices.","param":null,"code":"PRECONDITION_FAILED","type":"error"},"request_id":"r"}"#,
        Quota,
    ),
    (
        402,
        r#"{"error":{"code":402,"message":"Insufficient credits. Add more using the settings page"}}"#,
        Quota,
    ),
    (
        402,
        r#"{"detail":{"error":"inference prohibited, please enter a payment method"}}"#,
        Quota,
    ),
    (
        429,
        r#"{"error":{"message":"Rate limit reached for model `q` on tokens per day (TPD): Limit 100000, Used 97050, Requested 3619. Please try again in 9m38.016s.","type":"tokens","code":"rate_limit_exceeded"}}"#,
        Quota,
    ),
    (
        429,
        r#"{"error":{"message":"Rate limit reached for q on requests per day (RPD): Limit 200, Used 200, Requested 1. Please try again in 7m12s.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
        Quota,
    ),
    (
        429,
        r#"{"message":"Requests per day limit exceeded - too many requests sent.","type":"too_many_requests_error","param":"quota","code":"request_quota_exceeded"}"#,
        Quota,
    ),
    (
        429,
        r#"{"error":{"code":"RateLimitReached","message":"Rate limit of 50 per 86400s exceeded for UserByModelByDay. Please wait 40000 seconds before retrying."}}"#,
        Quota,
    ),
    (
        429,
        r#"{"error":"you have reached your weekly usage limit, please upgrade to continue"}"#,
        Quota,
    ),
    (
        429,
        r#"{"error":{"code":"429","message":"Rate limit exceeded. Please retry after 86400 seconds."}}"#,
        Quota,
    ),
    (
        429,
        r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details. Please retry in 47s.","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}}]"#,
        Quota,
    ),
    (
        403,
        r#"{"error":{"message":"用户额度不足","type":"new_api_error","code":"insufficient_user_quota"}}"#,
        Quota,
    ),
    (
        400,
        r#"{"error":{"message":"Budget has been exceeded! Current cost: 11, Max budget: 10","type":"budget_exceeded","param":null,"code":"400"}}"#,
        Quota,
    ),
    (
        200,
        r#"{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}"#,
        Quota,
    ),
    // Rates.
    (
        429,
        r#"{"error":{"message":"Rate limit reached for default-x on requests per min. Limit: 3 / min. Please try again in 20s. Please add a payment method to your account to increase your rate limit.","type":"requests","param":null,"code":null}}"#,
        Rate,
    ),
    (
        429,
        r#"{"error":{"message":"Rate limit reached for model `q` on requests per minute (RPM): Limit 30, Used 30. Please try again in 2s. Upgrade to get 14400 requests per day","type":"requests","code":"rate_limit_exceeded"}}"#,
        Rate,
    ),
    (
        429,
        r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"GenerateContentInputTokensPerModelPerMinute-FreeTier"}]},{"retryDelay":"26s"}]}}]"#,
        Rate,
    ),
    (
        429,
        r#"{"error":{"code":429,"message":"Rate limit exceeded: free-models-per-min. Add 10 credits to unlock 1000 free model requests per day"}}"#,
        Rate,
    ),
    (
        429,
        r#"{"error":{"code":"RateLimitReached","message":"Rate limit of 15 per 60s exceeded for UserByModelByMinute. Please wait 24 seconds before retrying."}}"#,
        Rate,
    ),
    (
        429,
        r#"{"code":"Some resource has been exhausted","error":"Too many requests for team. Your team's rate limit is - requests per second: 1."}"#,
        Rate,
    ),
    (
        429,
        r#"{"error":{"message":"Request was throttled","code":"Throttling.RateQuota"}}"#,
        Rate,
    ),
    (
        429,
        r#"{"error":{"message":"max organization concurrency: 1, current: 2, please try again after 1 seconds","type":"rate_limit_reached_error"}}"#,
        Rate,
    ),
    (
        402,
        r#"{"error":{"code":402,"message":"This request would exceed your available credits given your current in-flight requests. Retry after in-flight requests settle, or add credits.","metadata":{"reason":"in_flight_budget_exhausted"}}}"#,
        Rate,
    ),
    (
        400,
        r#"{"error":{"requestid":"1","code":400,"message":"Response error, request id: 2. Server responded with status 429. Error message: {'error': {'code': '429', 'message': 'Rate limit is exceeded. Try again in 2 seconds.'}}"}}"#,
        Rate,
    ),
    (
        200,
        r#"{"error":{"type":"rate_limit_error","message":"Slow down, please"}}"#,
        Rate,
    ),
    (
        200,
        r#"{"error":{"code":429,"message":"Provider returned error"}}"#,
        Rate,
    ),
    (
        503,
        r#"{"error":{"message":"Too many requests, retry later","code":"too_many_requests"}}"#,
        Rate,
    ),
    // Too large for a whole window, or at all.
    (
        429,
        r#"{"error":{"message":"Request too large for z on input images per min: Limit 1, Requested 2.","type":"input-images","code":"rate_limit_exceeded"}}"#,
        TooLarge,
    ),
    (
        413,
        r#"{"error":{"message":"Request too large for model `z` on tokens per day (TPD): Limit 5, Requested 9","type":"tokens","code":"rate_limit_exceeded"}}"#,
        TooLarge,
    ),
    (
        413,
        r#"{"error":{"code":"tokens_limit_reached","message":"Request body too large for z model. Max size: 8000 tokens."}}"#,
        TooLarge,
    ),
    (
        400,
        r#"{"error":{"message":"Requested 360000 tokens, max 300000 tokens per request","type":"max_tokens_per_request","code":"max_tokens_per_request"}}"#,
        TooLarge,
    ),
    (413, r#"{"error":"Payload reached size limit."}"#, TooLarge),
    // Too long for the model.
    (
        400,
        r#"{"error":{"message":"This model's maximum context length is 4096 tokens, however you requested 5000 tokens.","type":"BadRequestError","param":null,"code":400}}"#,
        Context,
    ),
    (
        400,
        r#"{"error":{"message":"Your input exceeds the context window of this model. Please adjust your input and try again.","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}"#,
        Context,
    ),
    (
        400,
        r#"{"error":{"message":"Please reduce the length of the messages or completion.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
        Context,
    ),
    (
        400,
        r#"{"code":"Client specified an invalid argument","error":"This model's maximum prompt length is 131072 but the request contains 537812 tokens."}"#,
        Context,
    ),
    (
        400,
        r#"{"object":"error","message":"Prompt contains 40123 tokens, too large for model with 32768 maximum context length","type":"invalid_request_prompt","param":null,"code":"3051"}"#,
        Context,
    ),
    (
        400,
        r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":4096}}"#,
        Context,
    ),
    (
        400,
        r#"{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#,
        Context,
    ),
    (
        400,
        r#"{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: 210000 tokens > 200000 maximum\"}}","provider_name":"Q"}}}"#,
        Context,
    ),
    (
        413,
        r#"{"error":"Input validation error: `inputs` must have less than 512 tokens. Given: 3044","error_type":"Validation"}"#,
        Context,
    ),
    (
        400,
        r#"{"error":{"message":"litellm.ContextWindowExceededError: too much","type":null,"param":null,"code":"400"}}"#,
        Context,
    ),
    (
        200,
        r#"{"error":{"message":"the prompt exceeds the context window"}}"#,
        Context,
    ),
    // Refused content.
    (
        400,
        r#"{"error":{"code":"invalid_prompt","message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy.","type":"invalid_request_error","param":null}}"#,
        Filtered,
    ),
    (
        403,
        r#"{"code":"The caller does not have permission to execute the specified operation","error":"Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"}"#,
        Filtered,
    ),
    (
        400,
        r#"{"error":{"message":"Content Exists Risk","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#,
        Filtered,
    ),
    (
        400,
        r#"{"error":{"message":"Input text data may contain inappropriate content.","type":"data_inspection_failed","param":null,"code":"data_inspection_failed"}}"#,
        Filtered,
    ),
    (
        400,
        r#"{"error":{"code":null,"message":"The prompt was rejected","param":null,"type":null,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
        Filtered,
    ),
    (
        400,
        r#"{"error":{"message":"The request was rejected because it was considered high risk","type":"content_filter"}}"#,
        Filtered,
    ),
    // The model.
    (
        404,
        r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."}}"#,
        Model,
    ),
    (
        400,
        r#"{"error":{"message":"The model `llama2-70b-4096` has been decommissioned and is no longer supported.","type":"invalid_request_error","code":"model_decommissioned"}}"#,
        Model,
    ),
    (
        400,
        r#"{"error":{"message":"Model Not Exist","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#,
        Model,
    ),
    (
        400,
        r#"{"object":"error","message":"Invalid model: mistral-huge","type":"invalid_model","param":null,"code":"1500"}"#,
        Model,
    ),
    (
        400,
        r#"{"error":{"message":"Invalid model 'sonar-xxl'. Permitted models can be found in the documentation","type":"invalid_model","code":400}}"#,
        Model,
    ),
    (
        404,
        r#"{"error":{"message":"No endpoints found for acme/model-9.","code":404}}"#,
        Model,
    ),
    (
        404,
        r#"{"object":"error","message":"The model `m` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
        Model,
    ),
    (
        400,
        r#"{"error":{"message":"The requested model 'a/b' is not supported by any provider you have enabled.","type":"invalid_request_error","code":"model_not_supported"}}"#,
        Model,
    ),
    (
        404,
        r#"{"error":{"object":"error","type":"NOT_FOUND","message":"Model not found, inaccessible, and/or not deployed"}}"#,
        Model,
    ),
    (404, r#"{"detail":"Not Found"}"#, Model),
    (
        404,
        r#"{"error":{"message":"No endpoints found matching your data policy (Free model publication).","code":404}}"#,
        DataPolicy,
    ),
    (
        404,
        r#"{"error":{"message":"No endpoints found that satisfy zero data retention","code":404}}"#,
        DataPolicy,
    ),
    // Overload, whatever number it bears.
    (
        429,
        r#"{"error":{"message":"That model is currently overloaded with other requests. You can retry your request.","type":"server_error","param":null,"code":null}}"#,
        Busy,
    ),
    (
        429,
        r#"{"error":{"message":"The engine is currently overloaded, please try again later","type":"engine_overloaded_error"}}"#,
        Busy,
    ),
    (
        429,
        r#"{"error":{"code":"429","message":"The system is currently experiencing high demand and cannot process your request. Your request exceeds the maximum usage size allowed during peak load. Please retry after 20 seconds."}}"#,
        Busy,
    ),
    (
        429,
        r#"{"error":"Model is overloaded","error_type":"overloaded"}"#,
        Busy,
    ),
    (
        503,
        r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#,
        Busy,
    ),
    (
        500,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        Busy,
    ),
    (
        503,
        r#"{"error":{"message":"The service is currently at capacity. Please try again shortly.","type":"service_unavailable"}}"#,
        Busy,
    ),
    (
        503,
        r#"{"error":{"message":"当前分组上游负载已饱和，请稍后再试","type":"new_api_error"}}"#,
        Busy,
    ),
    (529, r#"{"error":{"message":"x"}}"#, Busy),
    // The server's own faults.
    (
        500,
        r#"{"error":{"message":"The server had an error while processing your request","type":"server_error","param":null,"code":null}}"#,
        Fault,
    ),
    (
        503,
        r#"{"error":{"message":"No available model provider that meets your routing requirements","code":503}}"#,
        Fault,
    ),
    (
        503,
        r#"{"error":"Model a/b is currently loading","estimated_time":20.0}"#,
        Fault,
    ),
    (
        500,
        r#"{"error":"model requires more system memory (9 GiB) than is available (4 GiB)"}"#,
        Fault,
    ),
    (
        424,
        r#"{"error":"Request failed during generation: Server error: ","error_type":"generation"}"#,
        Fault,
    ),
    (
        400,
        r#"{"object":"error","message":"EngineCore encountered an issue. See stack trace for the root cause.","type":"BadRequestError","param":null,"code":400}"#,
        Fault,
    ),
    (200, r#"{"error":{"message":"boom"}}"#, Fault),
    (
        200,
        r#"{"error":{"message":"The server had an error","type":"server_error"}}"#,
        Fault,
    ),
    (
        502,
        r#"{"error":{"message":"bad response status code 502","type":"invalid_request_error"}}"#,
        Fault,
    ),
    // Timeouts.
    (
        500,
        r#"{"error":{"message":"Request timed out","type":"internal_server_error","code":"500"}}"#,
        Timeout,
    ),
    (
        408,
        r#"{"error":{"message":"litellm.Timeout: APITimeoutError","type":null,"code":"408"}}"#,
        Timeout,
    ),
    (
        504,
        r#"{"error":{"code":504,"message":"The operation was aborted","status":"DEADLINE_EXCEEDED"}}"#,
        Timeout,
    ),
    (
        200,
        r#"{"error":{"code":"timeout","message":"The upstream took too long"}}"#,
        Timeout,
    ),
    // The model's own output.
    (
        400,
        r#"{"error":{"message":"Failed to call a function. Please adjust your prompt.","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"<x>"}}"#,
        Generation,
    ),
    (
        400,
        r#"{"error":{"message":"Failed to validate JSON","type":"invalid_request_error","code":"json_validate_failed"}}"#,
        Generation,
    ),
    (
        400,
        r#"{"error":{"message":"Parsing failed. The model generated output that could not be parsed.","type":"invalid_request_error","code":"output_parse_failed"}}"#,
        Generation,
    ),
    (
        500,
        r#"{"error":{"code":500,"message":"Failed to parse input at pos 12: <tool_call>","type":"server_error"}}"#,
        Generation,
    ),
    // The caller's mistakes.
    (
        400,
        r#"{"error":{"message":"Invalid value: 'sys'. Supported values are: 'system'.","type":"invalid_request_error","param":"messages[0].role","code":"invalid_value"}}"#,
        Invalid,
    ),
    (
        400,
        r#"{"error":{"message":"max_tokens is too large: 50000. This model supports at most 16384 completion tokens.","type":"invalid_request_error","param":"max_tokens","code":"invalid_value"}}"#,
        Invalid,
    ),
    (
        400,
        r#"{"error":{"message":"Invalid schema for function 'process_payment': 'quota' is not valid under any of the given schemas","type":"invalid_request_error","param":"tools","code":"invalid_function_parameters"}}"#,
        Invalid,
    ),
    (
        400,
        r#"{"error":{"message":"Timeout while downloading the image.","type":"invalid_request_error","param":null,"code":"invalid_image_url"}}"#,
        Invalid,
    ),
    (
        400,
        r#"{"error":{"message":"Previous response with id 'resp_1' not found.","type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}"#,
        Invalid,
    ),
    (
        422,
        r#"{"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required","input":{"x":"rate limit"}}]}"#,
        Invalid,
    ),
    (422, r#"{"detail":"Unprocessable"}"#, Invalid),
    (
        400,
        r#"{"error":{"message":"[{'loc': ('body', 'store'), 'msg': 'Extra inputs are not permitted'}]","type":"invalid_request_error"}}"#,
        Invalid,
    ),
    (
        404,
        r#"{"error":{"message":"Invalid URL (POST /v1/chat/completion)","type":"invalid_request_error","param":null,"code":null}}"#,
        Invalid,
    ),
    (
        404,
        r#"{"error":{"message":"No such File object: file-abc","type":"invalid_request_error","param":"id","code":null}}"#,
        Invalid,
    ),
    (
        501,
        r#"{"error":{"code":501,"message":"This server does not support embeddings.","type":"not_supported_error"}}"#,
        Invalid,
    ),
    (
        500,
        r#"{"error":{"code":500,"message":"[json.exception.out_of_range.403] key 'content' not found","type":"server_error"}}"#,
        Invalid,
    ),
    (
        400,
        r#"{"errors":[{"code":5006,"message":"required properties at '/' are 'prompt'"}],"success":false}"#,
        Invalid,
    ),
    (
        400,
        r#"{"code":400,"reason":"INVALID_REQUEST_BODY","message":"messages is empty","metadata":{}}"#,
        Invalid,
    ),
    (
        400,
        r#"{"title":"Bad Request","status":400,"detail":"n must be 1"}"#,
        Invalid,
    ),
    (
        200,
        r#"{"error":{"type":"invalid_request_error","message":"bad thing"}}"#,
        Invalid,
    ),
    // Cut off in the middle.
    (
        429,
        r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","par"#,
        Quota,
    ),
    (
        400,
        r#"{"error":{"code":"context_length_exceeded","message":"This model's maxi"#,
        Context,
    ),
];

#[test]
fn errors_that_were_never_seen_are_understood_too() {
    let faults: Vec<String> = ROWS
        .iter()
        .filter_map(|(status, body, code)| {
            let content_type = if body.starts_with('<') {
                "text/html"
            } else {
                "text/plain"
            };
            let mut answer = answer(*status, body.as_bytes());
            answer.content_type = Some(content_type.into());
            let found = classify(&answer, "openai-compatible").code;
            (found != *code).then(|| format!("{status} {body}\n    {found:?}, should be {code:?}"))
        })
        .collect();
    assert!(
        faults.is_empty(),
        "{} of {}:\n{}",
        faults.len(),
        ROWS.len(),
        faults.join("\n")
    );
}

#[test]
fn numbers_of_one_provider_mean_nothing_at_another() {
    let body = br#"{"error":{"code":"1302","message":"x"}}"#;
    assert_eq!(classify(&answer(400, body), "zai").code, Rate);
    assert_eq!(classify(&answer(400, body), "openai").code, Invalid);
    assert_eq!(classify(&answer(498, b""), "groq").code, Busy);
    let body = br#"{"object":"error","message":"x","type":"invalid","code":"3051"}"#;
    assert_eq!(classify(&answer(400, body), "mistral").code, Context);
}
