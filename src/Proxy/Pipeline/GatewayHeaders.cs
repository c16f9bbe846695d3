namespace CCGate.Proxy.Pipeline;

/// <summary>The response headers the gateway adds.</summary>
internal static class GatewayHeaders
{
    public const string Prefix = "x-ccgate-";
    public const string RequestId = "x-ccgate-request-id";
    public const string Upstream = "x-ccgate-upstream";

    /// <summary>The token limit the request was lowered to so that its hold fits.</summary>
    public const string MaxTokens = "x-ccgate-max-tokens";
}
