using System.Text;

namespace CCGate.Hosting.Telemetry;

/// <summary>Names as Prometheus writes them, made from those of OpenTelemetry.</summary>
/// <remarks>https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#otlp-metric-points-to-prometheus, and the base units that Prometheus wants instead of others.</remarks>
internal static class PrometheusNames
{
    private static readonly Dictionary<string, (string Name, double Scale)> Units = new(StringComparer.Ordinal)
    {
        ["s"] = ("seconds", 1),
        ["ms"] = ("seconds", 1e-3),
        ["us"] = ("seconds", 1e-6),
        ["ns"] = ("seconds", 1e-9),
        ["min"] = ("seconds", 60),
        ["h"] = ("seconds", 3600),
        ["d"] = ("seconds", 86_400),
        ["By"] = ("bytes", 1),
        ["KiBy"] = ("bytes", 1 << 10),
        ["MiBy"] = ("bytes", 1 << 20),
        ["GiBy"] = ("bytes", 1 << 30),
        ["%"] = ("percent", 1),
        ["Cel"] = ("celsius", 1),

        // What MassTransit calls one of something.
        ["ea"] = ("", 1),
    };

    // What Prometheus itself adds to the name of a histogram or a counter means nothing at the end of another; a counter's own end comes behind it.
    private static readonly (string Reserved, string Written)[] Endings = [("_count", "_number"), ("_sum", "_amount"), ("_bucket", "_buckets"), ("_total", "_all"), ("_info", "_note")];

    /// <summary>The name of a family, without the <c>_total</c> of counters.</summary>
    /// <param name="name">The instrument's name.</param>
    /// <param name="unit">The instrument's unit.</param>
    /// <param name="kind">What it becomes.</param>
    public static string Family(string name, string unit, PrometheusKind kind)
    {
        var family = Sanitize(name, allowColon: true);
        if (kind == PrometheusKind.Counter && family.EndsWith("_total", StringComparison.Ordinal))
        {
            family = family[..^"_total".Length];
        }

        var suffix = UnitName(unit, kind);
        if (suffix.Length > 0 && !family.Split('_').Contains(suffix, StringComparer.Ordinal))
        {
            return family + "_" + suffix;
        }

        foreach (var (reserved, written) in kind == PrometheusKind.Counter ? [] : Endings)
        {
            if (family.EndsWith(reserved, StringComparison.Ordinal))
            {
                return family[..^reserved.Length] + written;
            }
        }

        return family;
    }

    /// <summary>What values are multiplied by to be in the unit that the name says.</summary>
    public static double Scale(string unit) => Units.TryGetValue(unit, out var known) ? known.Scale : 1;

    public static string Label(string name) => Sanitize(name, allowColon: false);

    private static string UnitName(string unit, PrometheusKind kind)
    {
        if (unit is "1")
        {
            return kind == PrometheusKind.Gauge ? "ratio" : "";
        }

        if (Units.TryGetValue(unit, out var known))
        {
            return known.Name;
        }

        // Braces hold what is meant for people: {request}/s is per_second.
        var parts = unit.Split('/', 2);
        var counted = Annotated(parts[0]);
        if (parts.Length == 1)
        {
            return counted;
        }

        var per = parts[1] switch { "s" => "second", "m" or "min" => "minute", "h" => "hour", "d" => "day", var other => Annotated(other) };
        return string.Join('_', ((string[])[counted, per.Length > 0 ? "per_" + per : ""]).Where(part => part.Length > 0));
    }

    private static string Annotated(string unit)
    {
        var brace = unit.IndexOf('{', StringComparison.Ordinal);
        var plain = brace < 0 ? unit : unit[..brace];
        return plain.Length == 0 || plain is "1" ? "" : Units.TryGetValue(plain, out var known) ? known.Name : Sanitize(plain, allowColon: false).Trim('_');
    }

    private static string Sanitize(string name, bool allowColon)
    {
        var written = new StringBuilder(name.Length + 1);
        foreach (var character in name)
        {
            if (char.IsAsciiLetterOrDigit(character) || (allowColon && character == ':'))
            {
                if (written.Length == 0 && char.IsAsciiDigit(character))
                {
                    written.Append('_');
                }

                written.Append(character);
            }
            else if (written.Length == 0 || written[^1] != '_')
            {
                written.Append('_');
            }
        }

        return written.ToString();
    }
}
