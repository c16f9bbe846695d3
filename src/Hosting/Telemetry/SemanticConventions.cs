namespace CCGate.Hosting.Telemetry;

/// <summary>Which generation of OpenTelemetry's names for generative AI is spoken; what reads them has to know the same.</summary>
internal enum GenAiConventions
{
    /// <summary>The names of versions 1.36 to 1.41, which dashboards know.</summary>
    Legacy,

    /// <summary>The names that took their place.</summary>
    Latest,

    /// <summary>Both, while what reads them is changed.</summary>
    Both,
}

/// <summary>Which names are spoken, by the variable with which OpenTelemetry lets operators choose between their generations.</summary>
internal sealed record SemanticConventions(GenAiConventions GenAi)
{
    public const string Variable = "OTEL_SEMCONV_STABILITY_OPT_IN";

    /// <summary>Of a list separated by commas; the legacy names where it says nothing of generative AI.</summary>
    public static SemanticConventions From(Func<string, string?> environment)
    {
        var chosen = (environment(Variable) ?? "").Split(',', StringSplitOptions.TrimEntries);
        return new SemanticConventions(chosen.Contains("gen_ai_latest_experimental/dup") ? GenAiConventions.Both
            : chosen.Contains("gen_ai_latest_experimental") ? GenAiConventions.Latest
            : GenAiConventions.Legacy);
    }
}
