namespace CCGate.Proxy.Translation;

/// <summary>How fast and how dear a call is to be, in the words of each protocol; what a protocol has no word for is dropped.</summary>
/// <remarks>
/// <code>
/// OpenAI     auto                  default         flex   priority   scale   fast
/// Anthropic  auto                  standard_only          auto
/// Gemini     (nothing said)        standard        flex   priority
/// </code>
/// Anthropic's priority is what was paid for ahead: https://platform.claude.com/docs/en/api/service-tiers; Gemini's: https://ai.google.dev/gemini-api/docs/optimization
/// </remarks>
internal static class ServiceTiers
{
    public static string? ForOpenAi(string? wanted, Losses losses) => Known(wanted) switch
    {
        "standard" => "default",
        { } tier => tier,
        null => wanted is null ? null : Dropped(losses),
    };

    public static string? ForAnthropic(string? wanted, Losses losses) => Known(wanted) switch
    {
        "standard" => "standard_only",
        "auto" or "priority" => "auto",
        _ => wanted is null ? null : Dropped(losses),
    };

    public static string? ForGemini(string? wanted, Losses losses) => Known(wanted) switch
    {
        "auto" => null,
        "standard" => "standard",
        "flex" => "flex",
        "priority" => "priority",
        _ => wanted is null ? null : Dropped(losses),
    };

    private static string? Known(string? wanted) => wanted?.ToLowerInvariant() switch
    {
        "auto" or "unspecified" => "auto",
        "default" or "standard" or "standard_only" => "standard",
        "flex" => "flex",
        "priority" => "priority",
        "scale" => "scale",
        "fast" => "fast",
        _ => null,
    };

    private static string? Dropped(Losses losses)
    {
        losses.Drop("service_tier");
        return null;
    }
}
