using System.Text.RegularExpressions;

namespace CCGate.Tests.Infrastructure;

/// <summary>What can be read out of an expression of Prometheus, and how it is made fit for a run of a minute.</summary>
internal static partial class PromQl
{
    /// <summary>The metrics that it reads, as patterns: a name, or what it matches names with.</summary>
    public static IReadOnlyList<string> Metrics(string expression)
    {
        var matched = NameMatcher().Matches(expression).Select(name => name.Groups[1].Value);
        var bare = Grouping().Replace(Selector().Replace(expression, ""), " ");
        return [.. matched.Concat(Name().Matches(bare).Select(name => name.Value)).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>The expression with Grafana's variables replaced, everything chosen.</summary>
    public static string WithoutVariables(string expression) => Variable().Replace(
        expression.Replace("$__rate_interval", "15s", StringComparison.Ordinal).Replace("$__interval", "15s", StringComparison.Ordinal).Replace("$__range", "1m", StringComparison.Ordinal), ".*");

    /// <summary>The expression with ten seconds in place of each range and offset.</summary>
    public static string Shortened(string expression) => Offset().Replace(Range().Replace(expression, "[10s]"), "offset 10s");

    [GeneratedRegex("__name__=~?\"([^\"]+)\"")]
    private static partial Regex NameMatcher();

    [GeneratedRegex(@"\{[^}]*\}|\[[^\]]*\]")]
    private static partial Regex Selector();

    [GeneratedRegex(@"\b(?:by|without|on|ignoring)\s*\([^)]*\)")]
    private static partial Regex Grouping();

    [GeneratedRegex(@"\b(?:[a-z]\w*_\w+|up)\b(?!\s*\()")]
    private static partial Regex Name();

    [GeneratedRegex(@"\$\{?\w+\}?")]
    private static partial Regex Variable();

    [GeneratedRegex(@"\[\w+\]")]
    private static partial Regex Range();

    [GeneratedRegex(@"\boffset \w+")]
    private static partial Regex Offset();
}
