namespace CCGate.Proxy.Telemetry;

/// <summary>Which generation of the GenAI conventions token counts are told in.</summary>
/// <param name="Stable">The one that dashboards know: <c>gen_ai.client.token.usage</c>.</param>
/// <param name="Latest">The one that replaces it: a counter for each kind of tokens.</param>
internal sealed record GenAiGeneration(bool Stable, bool Latest)
{
    public const string Variable = "OTEL_SEMCONV_STABILITY_OPT_IN";
    private const string LatestOnly = "gen_ai_latest_experimental";
    private const string Both = "gen_ai_latest_experimental/dup";

    /// <summary>As the variable has it: a list, separated by commas, of which other parts are about other conventions.</summary>
    public static GenAiGeneration From(Func<string, string?> environment)
    {
        var chosen = (environment(Variable) ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var both = chosen.Contains(Both, StringComparer.Ordinal);
        var latest = both || chosen.Contains(LatestOnly, StringComparer.Ordinal);
        return new GenAiGeneration(Stable: both || !latest, latest);
    }
}
