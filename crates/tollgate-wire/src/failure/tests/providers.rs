//! What each provider documents and the corpus does not hold, in the provider's own form. They
//! guard against rules that know only the sample.

use bytes::Bytes;
use tollgate_core::error::Code::{
    self, ContentFiltered as Filtered, ContextLengthExceeded as Context,
    ProviderAuthenticationFailed as Key, ProviderError as Fault,
    ProviderGenerationFailed as Generation, ProviderInvalidRequest as Invalid,
    ProviderInvalidResponse as NoAnswer, ProviderModelNotFound as Model,
    ProviderOverloaded as Busy, ProviderPermissionDenied as Permission,
    ProviderQuotaExhausted as Quota, ProviderRateLimited as Rate,
    ProviderRequestTooLarge as TooLarge, ProviderTimeout as Timeout,
};

use super::answer;
use crate::failure::{ErrorAnswer, classify};

/// Anthropic: status, type and message.
const ANTHROPIC: &[(u16, &str, &str, Code)] = &[
    (
        402,
        "billing_error",
        "There is an issue with your billing.",
        Quota,
    ),
    (
        403,
        "permission_error",
        "Your API key does not have permission to use the specified resource.",
        Permission,
    ),
    (403, "forbidden", "Request not allowed", Permission),
    (
        403,
        "permission_error",
        "OAuth token does not meet scope requirement user:inference",
        Permission,
    ),
    (
        401,
        "authentication_error",
        "OAuth token has expired. Please obtain a new token or refresh your existing token.",
        Key,
    ),
    (401, "authentication_error", "invalid x-api-key", Key),
    (401, "authentication_error", "Invalid bearer token", Key),
    (
        413,
        "request_too_large",
        "Request exceeds the maximum size",
        TooLarge,
    ),
    (
        400,
        "invalid_request_error",
        "prompt is too long: 210001 tokens > 200000 maximum",
        Context,
    ),
    (
        400,
        "invalid_request_error",
        "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for claude-x",
        Invalid,
    ),
    (
        400,
        "invalid_request_error",
        "messages.1.content.0.image.source.base64: image exceeds 5 MB maximum: 9 bytes > 5 bytes",
        Invalid,
    ),
    (
        400,
        "invalid_request_error",
        "messages: roles must alternate between \"user\" and \"assistant\"",
        Invalid,
    ),
    (
        400,
        "invalid_request_error",
        "Output blocked by content filtering policy",
        Filtered,
    ),
    (
        400,
        "invalid_request_error",
        "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
        Quota,
    ),
    (
        400,
        "invalid_request_error",
        "This organization has been disabled.",
        Permission,
    ),
    (
        400,
        "invalid_request_error",
        "This credential is only authorized for use with Claude Code and cannot be used for other API requests.",
        Permission,
    ),
    (
        400,
        "invalid_request_error",
        "Unable to download the file. Please verify the URL and try again.",
        Invalid,
    ),
    (
        400,
        "invalid_request_error",
        "tools.0.custom.input_schema: JSON schema is invalid",
        Invalid,
    ),
    (
        429,
        "rate_limit_error",
        "Number of request tokens has exceeded your per-minute rate limit",
        Rate,
    ),
    (
        429,
        "rate_limit_error",
        "Number of concurrent connections has exceeded your rate limit. Please try again later.",
        Rate,
    ),
    (
        429,
        "rate_limit_error",
        "Number of request tokens has exceeded your daily rate limit",
        Quota,
    ),
    (
        429,
        "rate_limit_error",
        "Extra usage is required for long context requests.",
        Quota,
    ),
    (500, "api_error", "Overloaded", Busy),
    (
        504,
        "timeout_error",
        "Request timed out. Consider streaming.",
        Timeout,
    ),
    (529, "overloaded_error", "Overloaded", Busy),
    // In a stream.
    (200, "api_error", "Internal server error", Fault),
    (
        200,
        "rate_limit_error",
        "This request would exceed your rate limit",
        Rate,
    ),
    (
        200,
        "invalid_request_error",
        "Something in the request",
        Invalid,
    ),
    (200, "timeout_error", "Request timed out", Timeout),
    (200, "not_found_error", "model: x", Model),
    (200, "permission_error", "No", Permission),
    (200, "authentication_error", "No", Key),
];

/// Google: code, status word, message, and the inside of `details`.
const GOOGLE: &[(u16, &str, &str, &str, Code)] = &[
    (
        400,
        "INVALID_ARGUMENT",
        "* GenerateContentRequest.contents: contents is not specified",
        "",
        Invalid,
    ),
    (
        400,
        "INVALID_ARGUMENT",
        "Invalid JSON payload received. Unknown name \"foo\": Cannot find field.",
        "",
        Invalid,
    ),
    (
        400,
        "INVALID_ARGUMENT",
        "Please ensure that function call turn comes immediately after a user turn",
        "",
        Invalid,
    ),
    (
        400,
        "INVALID_ARGUMENT",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "",
        Context,
    ),
    (
        400,
        "INVALID_ARGUMENT",
        "Unable to submit request because the input token count is 1200000 but model only supports up to 1048576. Reduce the input token count and try again.",
        "",
        Context,
    ),
    (
        400,
        "INVALID_ARGUMENT",
        "Request payload size exceeds the limit: 20971520 bytes.",
        "",
        TooLarge,
    ),
    (
        400,
        "INVALID_ARGUMENT",
        "API key expired. Please renew the API key.",
        r#"{"reason":"API_KEY_INVALID"}"#,
        Key,
    ),
    (
        400,
        "FAILED_PRECONDITION",
        "Gemini API free tier is not available in your country. Please enable billing on your project.",
        "",
        Permission,
    ),
    (
        401,
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
        r#"{"reason":"ACCESS_TOKEN_EXPIRED"}"#,
        Key,
    ),
    (
        401,
        "UNAUTHENTICATED",
        "API keys are not supported by this API. Expected OAuth2 access token.",
        r#"{"reason":"CREDENTIALS_MISSING"}"#,
        Key,
    ),
    (
        403,
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without established identity).",
        "",
        Key,
    ),
    (
        403,
        "PERMISSION_DENIED",
        "Your API key was reported as leaked. Please use another API key.",
        "",
        Key,
    ),
    (
        403,
        "PERMISSION_DENIED",
        "Request had insufficient authentication scopes.",
        r#"{"reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}"#,
        Permission,
    ),
    (
        403,
        "PERMISSION_DENIED",
        "Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/p/models/m' (or it may not exist).",
        r#"{"reason":"IAM_PERMISSION_DENIED"}"#,
        Permission,
    ),
    (
        403,
        "PERMISSION_DENIED",
        "Requests from referer <empty> are blocked.",
        r#"{"reason":"API_KEY_HTTP_REFERRER_BLOCKED"}"#,
        Permission,
    ),
    (
        403,
        "PERMISSION_DENIED",
        "Permission denied: Consumer has been suspended.",
        r#"{"reason":"CONSUMER_SUSPENDED"}"#,
        Permission,
    ),
    (
        403,
        "PERMISSION_DENIED",
        "This API method requires billing to be enabled.",
        r#"{"reason":"BILLING_DISABLED"}"#,
        Quota,
    ),
    (
        404,
        "NOT_FOUND",
        "models/g is not found for API version v1beta, or is not supported for generateContent.",
        "",
        Model,
    ),
    (409, "ABORTED", "The operation was aborted.", "", Fault),
    (
        429,
        "RESOURCE_EXHAUSTED",
        "Resource has been exhausted (e.g. check quota).",
        "",
        Rate,
    ),
    (
        429,
        "RESOURCE_EXHAUSTED",
        "Resource exhausted. Please try again later. Please refer to https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429",
        "",
        Rate,
    ),
    (
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
        "",
        Rate,
    ),
    (
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota.",
        r#"{"violations":[{"quotaId":"GenerateContentInputTokensPerModelPerMinute-FreeTier"},{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}"#,
        Quota,
    ),
    (
        429,
        "RESOURCE_EXHAUSTED",
        "Quota exceeded.",
        r#"{"reason":"RATE_LIMIT_EXCEEDED","metadata":{"quota_limit":"GenerateRequestsPerDayPerProject"}}"#,
        Quota,
    ),
    (
        429,
        "RESOURCE_EXHAUSTED",
        "Your prepayment credits are depleted.",
        "",
        Quota,
    ),
    (
        499,
        "CANCELLED",
        "The operation was cancelled.",
        "",
        Timeout,
    ),
    (
        500,
        "INTERNAL",
        "An internal error has occurred. Please retry or report.",
        "",
        Fault,
    ),
    (500, "DATA_LOSS", "Unrecoverable data loss.", "", Fault),
    (500, "UNKNOWN", "Unknown error.", "", Fault),
    (
        501,
        "UNIMPLEMENTED",
        "Operation is not implemented, or supported, or enabled.",
        "",
        Invalid,
    ),
    (
        503,
        "UNAVAILABLE",
        "The service is currently unavailable.",
        "",
        Fault,
    ),
    (
        503,
        "UNAVAILABLE",
        "No capacity available for model on the server",
        r#"{"reason":"MODEL_CAPACITY_EXHAUSTED"}"#,
        Busy,
    ),
    (
        504,
        "DEADLINE_EXCEEDED",
        "The request timed out. Please try again.",
        "",
        Timeout,
    ),
];

/// Amazon: status, the exception as `x-amzn-errortype`, and the message.
const BEDROCK: &[(u16, &str, &str, Code)] = &[
    (
        400,
        "ValidationException",
        "The provided model identifier is invalid.",
        Model,
    ),
    (
        400,
        "ValidationException",
        "Input is too long for requested model.",
        Context,
    ),
    (
        400,
        "ValidationException",
        "Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the input to try again.",
        Context,
    ),
    (
        400,
        "ValidationException",
        "The model returned the following errors: prompt is too long: 210000 tokens > 200000 maximum",
        Context,
    ),
    (
        400,
        "ValidationException",
        "The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum tokens value that is lower than 4096.",
        Invalid,
    ),
    (
        400,
        "ValidationException",
        "1 validation error detected: Value at 'inferenceConfig.topP' failed to satisfy constraint: Member must have value less than or equal to 1",
        Invalid,
    ),
    (400, "ValidationException", "Operation not allowed", Invalid),
    (
        400,
        "ConflictException",
        "Error occurred because of a conflict while performing an operation.",
        Invalid,
    ),
    (
        400,
        "ServiceQuotaExceededException",
        "Your request exceeds the service quota for your account.",
        Quota,
    ),
    (
        400,
        "IncompleteSignatureException",
        "Authorization header requires 'Credential' parameter.",
        Key,
    ),
    (
        403,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
        Key,
    ),
    (
        403,
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided.",
        Key,
    ),
    (
        403,
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
        Key,
    ),
    (
        403,
        "AccessDeniedException",
        "Authentication failed: Please make sure your API Key is valid.",
        Key,
    ),
    (
        403,
        "AccessDeniedException",
        "User: arn:aws:iam::123456789012:user/x is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/m because no identity-based policy allows it",
        Permission,
    ),
    (
        403,
        "AccessDeniedException",
        "Model access is denied due to IAM user or service role is not authorized to perform the required AWS Marketplace actions. Your subscription payment is pending.",
        Permission,
    ),
    (
        404,
        "ResourceNotFoundException",
        "Could not resolve the foundation model from the provided model identifier.",
        Model,
    ),
    (
        404,
        "ResourceNotFoundException",
        "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model.",
        Model,
    ),
    (
        404,
        "ResourceNotFoundException",
        "Model use case details have not been submitted for this account. Fill out the use case details form.",
        Permission,
    ),
    (404, "UnknownOperationException", "", Invalid),
    (
        408,
        "ModelTimeoutException",
        "The request took too long to process.",
        Timeout,
    ),
    (
        424,
        "ModelErrorException",
        "The request failed due to an error while processing the model.",
        Fault,
    ),
    (
        424,
        "ModelStreamErrorException",
        "An error occurred while streaming the response.",
        Fault,
    ),
    (
        429,
        "ThrottlingException",
        "Too many tokens, please wait before trying again.",
        Rate,
    ),
    (
        429,
        "ThrottlingException",
        "Your request was denied due to exceeding the account quotas for Amazon Bedrock.",
        Rate,
    ),
    (
        429,
        "ThrottlingException",
        "Too many tokens per day, please wait before trying again.",
        Quota,
    ),
    (
        429,
        "ModelNotReadyException",
        "The model is not ready to serve inference requests.",
        Fault,
    ),
    (
        500,
        "InternalServerException",
        "The system encountered an unexpected error during processing. Try your request again.",
        Fault,
    ),
    (500, "InternalFailure", "", Fault),
    (
        503,
        "ServiceUnavailableException",
        "Bedrock is unable to process your request.",
        Fault,
    ),
    // In a stream.
    (
        200,
        "throttlingException",
        "Too many tokens, please wait before trying again.",
        Rate,
    ),
    (
        200,
        "throttlingException",
        "Too many tokens per day, please wait before trying again.",
        Quota,
    ),
    (
        200,
        "modelStreamErrorException",
        "An error occurred while streaming the response.",
        Fault,
    ),
    (
        200,
        "modelTimeoutException",
        "The request took too long to process.",
        Timeout,
    ),
    (
        200,
        "internalServerException",
        "Internal server exception.",
        Fault,
    ),
    (
        200,
        "serviceUnavailableException",
        "The service isn't currently available.",
        Fault,
    ),
    (
        200,
        "validationException",
        "Malformed input request.",
        Invalid,
    ),
    (
        200,
        "validationException",
        "Input is too long for requested model.",
        Context,
    ),
];

/// The others: provider, status, body.
const OTHERS: &[(&str, u16, &str, Code)] = &[
    (
        "cohere",
        400,
        r#"{"message":"too many tokens: max tokens must be less than or equal to 4096, the maximum output for this model - received 8192."}"#,
        Invalid,
    ),
    (
        "cohere",
        400,
        r#"{"message":"too many tokens: size limit exceeded by 11326 tokens. Try using shorter or fewer inputs, or setting prompt_truncation='AUTO'."}"#,
        Context,
    ),
    (
        "cohere",
        400,
        r#"{"message":"invalid request: message must be at least 1 token long or tool results must be specified."}"#,
        Invalid,
    ),
    ("cohere", 401, r#"{"message":"invalid api token"}"#, Key),
    ("cohere", 401, r#"{"message":"no api key supplied"}"#, Key),
    (
        "cohere",
        402,
        r#"{"message":"Please add or update your payment method to continue"}"#,
        Quota,
    ),
    ("cohere", 403, r#"{"message":"Forbidden"}"#, Permission),
    (
        "cohere",
        422,
        r#"{"id":"x","message":"unprocessable"}"#,
        Invalid,
    ),
    (
        "cohere",
        429,
        r#"{"message":"You are past the per minute request limit, please wait and try again later."}"#,
        Rate,
    ),
    (
        "cohere",
        429,
        r#"{"message":"trial token rate limit exceeded, limit is 100000 tokens per minute"}"#,
        Rate,
    ),
    ("cohere", 498, r#"{"message":"blocked input"}"#, Filtered),
    (
        "cohere",
        499,
        r#"{"message":"request cancelled by user"}"#,
        Timeout,
    ),
    (
        "cohere",
        500,
        r#"{"message":"internal server error, this has been reported to our developers. id 5f1c"}"#,
        Fault,
    ),
    ("cohere", 501, r#"{"message":"not implemented"}"#, Invalid),
    ("cohere", 503, r#"{"message":"service unavailable"}"#, Fault),
    ("cohere", 504, r#"{"message":"gateway timeout"}"#, Timeout),
    (
        "cohere",
        200,
        r#"{"id":"x","message":{"role":"assistant"},"finish_reason":"ERROR"}"#,
        Fault,
    ),
    (
        "cohere",
        200,
        r#"{"id":"x","message":{"role":"assistant"},"finish_reason":"TIMEOUT"}"#,
        Timeout,
    ),
    (
        "cohere",
        200,
        r#"{"type":"message-end","delta":{"error":"internal error","finish_reason":"ERROR"}}"#,
        Fault,
    ),
    (
        "cohere",
        200,
        r#"{"type":"message-end","delta":{"finish_reason":"TIMEOUT"}}"#,
        Timeout,
    ),
    ("mistral", 401, r#"{"detail":"Unauthorized"}"#, Key),
    (
        "mistral",
        429,
        r#"{"object":"error","message":"Service tier capacity exceeded for this model.","type":"service_tier_capacity_exceeded","param":null,"code":"3505"}"#,
        Busy,
    ),
    (
        "mistral",
        429,
        r#"{"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300","raw_status_code":429}"#,
        Rate,
    ),
    (
        "mistral",
        503,
        r#"{"object":"error","message":"Internal server error","type":"unreachable_backend","param":null,"code":"1100"}"#,
        Fault,
    ),
    (
        "mistral",
        400,
        r#"{"object":"error","message":"Too many tokens in batch. Max is 16384 got 20000","type":"invalid_request_error","param":null,"code":"3210"}"#,
        TooLarge,
    ),
    (
        "mistral",
        400,
        r#"{"object":"error","message":"Expected last role User or Tool but got assistant","type":"invalid_request_message_order","param":null,"code":"3230"}"#,
        Invalid,
    ),
    (
        "mistral",
        200,
        r#"{"object":"error","message":"Service unavailable.","type":"unreachable_backend","code":"1100"}"#,
        Fault,
    ),
    (
        "azure",
        200,
        r#"{"id":"x","choices":[{"finish_reason":"content_filter","index":0,"content_filter_results":{"hate":{"filtered":true}}}]}"#,
        Filtered,
    ),
    (
        "azure",
        400,
        r#"{"error":{"code":"OperationNotSupported","message":"The chatCompletion operation does not work with the specified model, m."}}"#,
        Invalid,
    ),
    (
        "azure",
        404,
        r#"{"error":{"code":"404","message":"Resource not found"}}"#,
        Model,
    ),
    (
        "azure",
        429,
        r#"{"error":{"code":"NoCapacity","message":"The service is temporarily unable to process your request."}}"#,
        Busy,
    ),
    (
        "anthropic",
        200,
        r#"{"type":"message","role":"assistant","content":[],"stop_reason":"refusal"}"#,
        Filtered,
    ),
    (
        "openai",
        200,
        r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"Rate limit reached for m on tokens per min (TPM). Please try again in 1.2s."}}}"#,
        Rate,
    ),
    (
        "openai",
        200,
        r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"The model failed."}}}"#,
        Fault,
    ),
    (
        "openai",
        200,
        r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"invalid_prompt","message":"No."}}}"#,
        Filtered,
    ),
    (
        "openai",
        200,
        r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"bio_policy","message":"No."}}}"#,
        Filtered,
    ),
    (
        "openai",
        200,
        r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"vector_store_timeout","message":"It is slow."}}}"#,
        Timeout,
    ),
    (
        "openai",
        200,
        r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"failed_to_download_image","message":"Timeout while downloading."}}}"#,
        Invalid,
    ),
    (
        "openai",
        200,
        r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"image_content_policy_violation","message":"No."}}}"#,
        Filtered,
    ),
    (
        "openai",
        200,
        r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"image_too_large","message":"No."}}}"#,
        Invalid,
    ),
    (
        "openai",
        200,
        r#"{"type":"error","code":"data_residency_mismatch","message":"No.","param":null}"#,
        Permission,
    ),
    (
        "openai",
        200,
        r#"{"type":"error","error":{"type":"service_unavailable_error","code":"server_is_overloaded","message":"Our servers are currently overloaded."}}"#,
        Busy,
    ),
    // Whoever answers in Amazon's and Google's words is understood, too.
    (
        "openai-compatible",
        400,
        r#"{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"No"}"#,
        Key,
    ),
    (
        "openai-compatible",
        404,
        r#"{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}"#,
        Invalid,
    ),
    (
        "openai-compatible",
        403,
        r#"{"Message":"Bearer Token has expired"}"#,
        Key,
    ),
    (
        "ollama",
        400,
        r#"{"error":"registry.ollama.ai/library/m does not support tools"}"#,
        Invalid,
    ),
    ("ollama", 404, r#"{"error":"model 'm' not found"}"#, Model),
    (
        "ollama",
        500,
        r#"{"error":"llama runner process has terminated: exit status 2"}"#,
        Fault,
    ),
    (
        "ollama",
        503,
        r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#,
        Busy,
    ),
    (
        "ollama",
        200,
        r#"{"error":"an error was encountered while running the model: unexpected EOF"}"#,
        Fault,
    ),
    (
        "together",
        429,
        r#"{"id":"x","error":{"message":"You have reached the rate limit specific to this model a/b. The maximum rate limit for this model is 6.0 queries and 180000 tokens per minute.","type":"model_rate_limit","param":null,"code":null}}"#,
        Rate,
    ),
    (
        "together",
        503,
        r#"{"error":{"message":"The server is overloaded or not ready yet.","type":"service_unavailable"}}"#,
        Busy,
    ),
    (
        "together",
        402,
        r#"{"error":{"message":"Credit limit exceeded, please navigate to billing.","type":"credit_limit"}}"#,
        Quota,
    ),
    (
        "fireworks",
        401,
        r#"{"error":{"message":"The API key you provided is invalid.","code":"UNAUTHORIZED","type":"error"}}"#,
        Key,
    ),
    (
        "perplexity",
        429,
        r#"{"error":{"message":"Request rate limit exceeded, please try again later.","type":"request_rate_limit_exceeded","code":429}}"#,
        Rate,
    ),
    (
        "perplexity",
        401,
        r"<html><head><title>401 Authorization Required</title></head></html>",
        Key,
    ),
    (
        "huggingface",
        401,
        r#"{"error":"Invalid username or password."}"#,
        Key,
    ),
    (
        "huggingface",
        403,
        r#"{"error":"This authentication method does not have sufficient permissions to call Inference Providers on behalf of user x"}"#,
        Permission,
    ),
    (
        "huggingface",
        429,
        r#"{"error":"Rate limit reached. Please log in or use a HF access token"}"#,
        Rate,
    ),
    (
        "huggingface",
        500,
        r#"{"error":["CUDA out of memory"],"warnings":["slow"]}"#,
        Fault,
    ),
    (
        "huggingface",
        503,
        r#"{"error":"Model too busy, unable to get response in less than 60 second(s)"}"#,
        Busy,
    ),
    (
        "huggingface",
        403,
        r#"{"error":"Model requires a Pro subscription; check out hf.co/pricing to learn more."}"#,
        Permission,
    ),
    (
        "huggingface",
        404,
        r#"{"error":"Model a/b does not exist"}"#,
        Model,
    ),
    ("ollama", 401, r#"{"error":"unauthorized"}"#, Key),
    (
        "ollama",
        400,
        r#"{"error":"\"m\" does not support thinking"}"#,
        Invalid,
    ),
    (
        "ollama",
        400,
        r#"{"error":"think value \"low\" is not supported for this model"}"#,
        Invalid,
    ),
    (
        "ollama",
        404,
        r#"{"error":"model \"x\" not found, try pulling it first"}"#,
        Model,
    ),
    (
        "ollama",
        429,
        r#"{"error":"you have reached your hourly usage limit, please upgrade to continue"}"#,
        Rate,
    ),
    (
        "ollama",
        403,
        r#"{"error":"this model requires a subscription, upgrade for access"}"#,
        Permission,
    ),
    (
        "vllm",
        400,
        r#"{"object":"error","message":"The decoder prompt (length 40000) is longer than the maximum model length of 32768. Make sure that `max_model_len` is no smaller than the number of text tokens.","type":"BadRequestError","param":null,"code":400}"#,
        Context,
    ),
    (
        "vllm",
        400,
        r#"{"error":{"message":"The prompt (length 40000) is longer than the maximum model length.","type":"BadRequestError","param":null,"code":400}}"#,
        Context,
    ),
    (
        "vllm",
        400,
        r#"{"error":{"message":"Requested token count exceeds the model's maximum context length of 4096 tokens.","type":"BadRequestError","code":400}}"#,
        Context,
    ),
    (
        "vllm",
        400,
        r#"{"error":{"message":"The input (40000 tokens) is longer than the model's context length (32768 tokens).","type":"BadRequestError","code":400}}"#,
        Context,
    ),
    ("vllm", 401, r#"{"error":"Unauthorized"}"#, Key),
    (
        "llamacpp",
        500,
        r#"{"error":{"code":500,"message":"Context size has been exceeded.","type":"server_error"}}"#,
        Context,
    ),
    (
        "llamacpp",
        500,
        r#"{"error":{"code":500,"message":"image input is not supported - hint: if this is unexpected, you may need to provide the mmproj","type":"server_error"}}"#,
        Invalid,
    ),
    (
        "llamacpp",
        500,
        r#"{"error":{"code":500,"message":"Failed to parse tools: Missing tool name","type":"server_error"}}"#,
        Invalid,
    ),
    (
        "llamacpp",
        500,
        r#"{"error":{"code":500,"message":"Cannot use custom grammar constraints with tools.","type":"server_error"}}"#,
        Invalid,
    ),
    (
        "llamacpp",
        500,
        r#"{"error":{"code":500,"message":"Invalid type for \"messages\"","type":"server_error"}}"#,
        Invalid,
    ),
    (
        "llamacpp",
        503,
        r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
        Fault,
    ),
    (
        "llamacpp",
        401,
        r#"{"error":{"code":401,"message":"Invalid API Key","type":"authentication_error"}}"#,
        Key,
    ),
    (
        "llamacpp",
        400,
        r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":9,"n_ctx":4}}"#,
        Context,
    ),
    (
        "xai",
        403,
        r#"{"code":"The caller does not have permission to execute the specified operation","error":"API key is blocked"}"#,
        Key,
    ),
    (
        "xai",
        422,
        r#"{"code":"Some requested entity was invalid","error":"Failed to deserialize the JSON body into the target type: messages[0]: missing field `role`"}"#,
        Invalid,
    ),
    (
        "xai",
        404,
        r#"{"code":"Some requested entity was not found","error":"The model grok-x does not exist or your team 0 does not have access to it."}"#,
        Model,
    ),
    (
        "xai",
        429,
        r#"{"code":"Some resource has been exhausted","error":"Your team has either used all available credits or reached its monthly spending limit."}"#,
        Quota,
    ),
    (
        "deepseek",
        402,
        r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}"#,
        Quota,
    ),
    (
        "deepseek",
        400,
        r#"{"error":{"message":"Invalid max_tokens value, the valid range of max_tokens is [1, 8192]","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#,
        Invalid,
    ),
    (
        "deepseek",
        401,
        r#"{"error":{"message":"Authentication Fails, Your api key: ****1234 is invalid","type":"authentication_error","param":null,"code":"invalid_request_error"}}"#,
        Key,
    ),
    (
        "groq",
        403,
        r#"{"error":{"message":"Access denied. Please check your network settings."}}"#,
        Permission,
    ),
    (
        "groq",
        400,
        r#"{"error":{"message":"The model `m` requires terms acceptance. Please have the org admin accept the terms.","type":"invalid_request_error","code":"model_terms_required"}}"#,
        Permission,
    ),
    (
        "groq",
        403,
        r#"{"error":{"message":"The model `m` is blocked at the organization level. Please have the org admin enable this model.","type":"permissions_error","code":"model_permission_blocked_org"}}"#,
        Permission,
    ),
    (
        "groq",
        498,
        r#"{"error":{"message":"Flex tier capacity exceeded"}}"#,
        Busy,
    ),
    (
        "groq",
        503,
        r#"{"error":{"message":"Service unavailable","type":"internal_server_error"}}"#,
        Fault,
    ),
    (
        "openrouter",
        404,
        r#"{"error":{"message":"No allowed providers are available for the selected model.","code":404}}"#,
        Model,
    ),
    (
        "openrouter",
        429,
        r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"m is temporarily rate-limited upstream. Please retry shortly.","provider_name":"P"}}}"#,
        Rate,
    ),
    (
        "openrouter",
        403,
        r#"{"error":{"code":403,"message":"m requires moderation on P. Your input was flagged for \"violence\".","metadata":{"reasons":["violence"],"flagged_input":"x"}}}"#,
        Filtered,
    ),
    (
        "openrouter",
        200,
        r#"{"id":"g","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error","error":{"code":502,"message":"Upstream idle timeout exceeded"}}]}"#,
        Timeout,
    ),
    (
        "azure",
        401,
        r#"{"statusCode":401,"message":"Unauthorized. Access token is missing, invalid, audience is incorrect (https://cognitiveservices.azure.com), or have expired."}"#,
        Key,
    ),
    (
        "azure",
        408,
        r#"{"error":{"code":"Timeout","message":"The operation was timeout."}}"#,
        Timeout,
    ),
    (
        "azure",
        429,
        r#"{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation have exceeded call rate limit of your current pricing tier. Please retry after 86400 seconds."}}"#,
        Quota,
    ),
    (
        "azure",
        403,
        r#"{"error":{"code":"AuthenticationTypeDisabled","message":"Key based authentication is disabled for this resource."}}"#,
        Permission,
    ),
    (
        "azure",
        500,
        r#"{"error":{"message":"The model produced invalid content. Consider modifying your prompt if you are seeing this error persistently.","type":"model_error","param":null,"code":null}}"#,
        Generation,
    ),
    (
        "azure",
        503,
        r#"{"error":{"code":"InternalServerError","message":"Backend returned unexpected response. Please contact Microsoft for help."}}"#,
        Fault,
    ),
    (
        "openai",
        401,
        r#"{"error":{"message":"No such organization: org-abc.","type":"invalid_request_error","param":null,"code":"invalid_organization"}}"#,
        Key,
    ),
    (
        "openai",
        404,
        r#"{"error":{"message":"Item with id 'rs_1' not found. Items are not persisted when `store` is set to false.","type":"invalid_request_error","param":"input","code":null}}"#,
        Invalid,
    ),
    (
        "openai",
        404,
        r#"{"error":{"message":"Response with id 'resp_1' not found.","type":"invalid_request_error","param":null,"code":null}}"#,
        Invalid,
    ),
    (
        "openai",
        400,
        r#"{"error":{"message":"No tool output found for function call call_1.","type":"invalid_request_error","param":"input","code":null}}"#,
        Invalid,
    ),
    (
        "openai",
        400,
        r#"{"error":{"message":"Invalid 'messages[0].content': string too long. Expected a string with maximum length 10485760, but got a string with length 10485761 instead.","type":"invalid_request_error","param":"messages[0].content","code":"string_above_max_length"}}"#,
        Invalid,
    ),
    (
        "openai",
        400,
        r#"{"error":{"message":"The encrypted content could not be verified.","type":"invalid_request_error","param":null,"code":"invalid_encrypted_content"}}"#,
        Invalid,
    ),
    (
        "openai",
        503,
        r#"{"error":{"message":"The engine is currently overloaded, please try again later","type":"server_error"}}"#,
        Busy,
    ),
    (
        "openai",
        503,
        r#"{"error":{"message":"Slow down","type":"server_error","code":"slow_down"}}"#,
        Busy,
    ),
    (
        "anthropic",
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"Schema is too complex for compilation."}}"#,
        Invalid,
    ),
    (
        "anthropic",
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"The compiled grammar is too large, which would cause performance issues. Simplify your tool schemas."}}"#,
        Invalid,
    ),
    (
        "anthropic",
        404,
        r#"{"type":"error","error":{"type":"not_found_error","message":"Not Found"}}"#,
        Model,
    ),
    (
        "mistral",
        400,
        r#"{"object":"error","message":"Invalid model: mistral-x","type":"invalid_model","param":null,"code":"1500"}"#,
        Model,
    ),
    (
        "mistral",
        422,
        r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","store"],"msg":"Extra inputs are not permitted","input":true}]},"type":"invalid_request_error","param":null,"code":null}"#,
        Invalid,
    ),
    (
        "mistral",
        500,
        r#"{"object":"Error","message":[{"x":"y"}],"type":"internal_error","code":3000}"#,
        Fault,
    ),
    (
        "tgi",
        424,
        r#"{"error":"Request failed during generation: Server error: x","error_type":"generation"}"#,
        Fault,
    ),
    (
        "tgi",
        429,
        r#"{"error":"Model is overloaded","error_type":"overloaded"}"#,
        Busy,
    ),
    (
        "tgi",
        422,
        r#"{"error":"Tool error: failed to parse tools","error_type":"tool_error"}"#,
        Invalid,
    ),
    (
        "cerebras",
        429,
        r#"{"message":"We're experiencing high traffic right now! Please try again soon.","type":"too_many_requests_error","param":"queue","code":"queue_exceeded"}"#,
        Busy,
    ),
    (
        "cerebras",
        429,
        r#"{"message":"Tokens per minute limit exceeded - too many tokens processed.","type":"too_many_tokens_error","param":"quota","code":"token_quota_exceeded"}"#,
        Rate,
    ),
    (
        "cerebras",
        429,
        r#"{"message":"Tokens per day limit exceeded - too many tokens processed.","type":"too_many_tokens_error","param":"quota","code":"token_quota_exceeded"}"#,
        Quota,
    ),
    (
        "cerebras",
        404,
        r#"{"message":"Model m does not exist or you do not have access to it.","type":"not_found_error","param":"model","code":"model_not_found"}"#,
        Model,
    ),
];

fn check(provider: &'static str, answer: &ErrorAnswer<'_>, code: Code, faults: &mut Vec<String>) {
    let found = classify(answer, provider).code;
    if found != code {
        let body = String::from_utf8_lossy(&answer.body);
        let status = answer.status;
        faults.push(format!(
            "{provider} {status} {body}\n    {found:?}, should be {code:?}"
        ));
    }
}

fn assert_none(faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{}:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn what_anthropic_documents_is_understood() {
    let mut faults = Vec::new();
    for (status, kind, said, code) in ANTHROPIC {
        let body = serde_json::json!({
            "type": "error", "error": {"type": kind, "message": said}, "request_id": "req_1",
        });
        let answer = answer(*status, body.to_string().as_bytes());
        check("anthropic", &answer, *code, &mut faults);
    }
    assert_none(&faults);
}

#[test]
fn what_google_documents_is_understood_plain_in_an_array_and_in_a_stream() {
    let mut faults = Vec::new();
    for (status, word, said, details, code) in GOOGLE {
        let said = serde_json::json!(said);
        let body = format!(
            r#"{{"error":{{"code":{status},"message":{said},"status":"{word}","details":[{details}]}}}}"#
        );
        let array = format!("[{body}]");
        for (status, body) in [(*status, &body), (*status, &array), (200, &body)] {
            for provider in ["google", "vertex", "openai-compatible"] {
                let answer = answer(status, body.as_bytes());
                check(provider, &answer, *code, &mut faults);
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn amazons_exceptions_are_understood_wherever_they_are_named() {
    let mut faults = Vec::new();
    for (status, exception, said, code) in BEDROCK {
        let body = serde_json::json!({"message": said}).to_string();
        for name in [
            (*exception).to_owned(),
            format!("{exception}:http://internal.amazon.com/coral/com.amazon.bedrock/"),
            format!("com.amazon.bedrock#{exception}"),
        ] {
            let answer = ErrorAnswer {
                error_type: Some(Bytes::from(name)),
                ..answer(*status, body.as_bytes())
            };
            check("bedrock", &answer, *code, &mut faults);
        }
        for body in [
            serde_json::json!({"__type": exception, "message": said}),
            serde_json::json!({*exception: {"message": said}}),
        ] {
            let answer = answer(*status, body.to_string().as_bytes());
            check("bedrock", &answer, *code, &mut faults);
        }
    }
    assert_none(&faults);
}

#[test]
fn what_the_others_document_is_understood() {
    let mut faults = Vec::new();
    for (provider, status, body, code) in OTHERS {
        check(
            provider,
            &answer(*status, body.as_bytes()),
            *code,
            &mut faults,
        );
    }
    assert_none(&faults);
}

#[test]
fn every_reason_for_which_google_gives_no_answer_is_understood() {
    let mut faults = Vec::new();
    let reasons = [
        ("SAFETY", Filtered),
        ("RECITATION", Filtered),
        ("LANGUAGE", Filtered),
        ("BLOCKLIST", Filtered),
        ("PROHIBITED_CONTENT", Filtered),
        ("SPII", Filtered),
        ("IMAGE_SAFETY", Filtered),
        ("MODEL_ARMOR", Filtered),
        ("MALFORMED_FUNCTION_CALL", NoAnswer),
        ("UNEXPECTED_TOOL_CALL", NoAnswer),
        ("TOO_MANY_TOOL_CALLS", NoAnswer),
        ("OTHER", NoAnswer),
        ("SOMETHING_NEW", NoAnswer),
        ("STOP", NoAnswer),
        ("MAX_TOKENS", NoAnswer),
    ];
    for (reason, code) in reasons {
        let body = format!(r#"{{"candidates":[{{"content":{{}},"finishReason":"{reason}"}}]}}"#);
        check("google", &answer(200, body.as_bytes()), code, &mut faults);
    }
    let told = br#"{"candidates":[{"finishReason":"OTHER","finishMessage":"It broke."}]}"#;
    check("google", &answer(200, told), Fault, &mut faults);
    for (reason, code) in [
        ("SAFETY", Filtered),
        ("OTHER", Filtered),
        ("SOMETHING_NEW", Filtered),
        ("BLOCK_REASON_UNSPECIFIED", NoAnswer),
    ] {
        let body = format!(r#"{{"promptFeedback":{{"blockReason":"{reason}"}}}}"#);
        check("vertex", &answer(200, body.as_bytes()), code, &mut faults);
    }
    assert_none(&faults);
}

#[test]
fn what_the_answer_ends_with_is_its_code() {
    let body = br#"{"candidates":[{"content":{},"finishReason":"SAFETY"}]}"#;
    let failure = classify(&answer(200, body), "google");
    assert_eq!(failure.provider_code.as_deref(), Some("SAFETY"));
    let named = ErrorAnswer {
        error_type: Some(Bytes::from_static(b"ThrottlingException:http://x/")),
        ..answer(429, br#"{"message":"Too many requests"}"#)
    };
    let failure = classify(&named, "bedrock");
    assert_eq!(
        failure.provider_code.as_deref(),
        Some("ThrottlingException")
    );
}

#[test]
fn a_page_means_a_wrong_address_only_at_google() {
    let page = b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>";
    assert_eq!(classify(&answer(404, page), "vertex").code, Invalid);
    assert_eq!(classify(&answer(404, page), "google").code, Invalid);
    assert_eq!(classify(&answer(404, page), "openai").code, Model);
    assert_eq!(classify(&answer(502, page), "vertex").code, Fault);
}
