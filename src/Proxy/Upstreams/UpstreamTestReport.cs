using System.Text.Json.Serialization;

namespace CCGate.Proxy.Upstreams;

/// <summary>What <c>ccgate upstreams test</c> found out.</summary>
/// <param name="Model">As the upstream knows it.</param>
/// <param name="ModelFrom">Who chose it.</param>
internal sealed record UpstreamTestReport(string Upstream, string Kind, string? Url, string Model, string ModelFrom, IReadOnlyList<UpstreamKeyTest> Keys)
{
    public bool Passed => Keys.All(key => key.Passed);
}

/// <summary>What one key of an upstream came to, on a connection of its own.</summary>
/// <param name="Key">The end of the key; empty when there is none, or when it is short.</param>
internal sealed record UpstreamKeyTest(string Key, IReadOnlyList<UpstreamTestStep> Steps)
{
    public bool Passed => Steps.All(step => step.Passed);
}

/// <summary>One thing that must go well for a request to be served.</summary>
/// <param name="Ms">How long it took; null for what takes no time of its own.</param>
/// <param name="Change">The settings to look at when it failed.</param>
internal sealed record UpstreamTestStep(string Step, bool Passed, double? Ms, string Result, string? Change = null);

/// <summary>The body of <c>POST /api/upstreams/{id}/test</c>.</summary>
/// <param name="Model">Null for the one that the upstream's configuration suggests.</param>
internal sealed record UpstreamTestQuestion(string? Model);

/// <summary>The report as <c>--json</c> prints it.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(UpstreamTestReport))]
[JsonSerializable(typeof(UpstreamTestQuestion))]
internal sealed partial class UpstreamTestJson : JsonSerializerContext;
