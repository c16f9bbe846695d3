using System.Text.Json;
using System.Text.RegularExpressions;
using CCGate.Tests.Docs;

namespace CCGate.Tests.Infrastructure;

/// <summary>One picture of a dashboard.</summary>
internal sealed record GrafanaPanel(string Dashboard, int Id, string Title, string Description, string Unit, IReadOnlyList<string> Queries)
{
    public override string ToString() => $"{Dashboard}: {Title}";
}

/// <summary>One of the dashboards that are shipped.</summary>
internal sealed partial record GrafanaDashboard(string Name, JsonElement Root)
{
    public static IReadOnlyList<GrafanaDashboard> All { get; } =
        [.. Directory.EnumerateFiles(Path.Combine(DocumentFile.Root, "deploy/grafana/dashboards"), "*.json").Order(StringComparer.Ordinal)
            .Select(file => new GrafanaDashboard(Path.GetFileNameWithoutExtension(file), JsonElement.Parse(File.ReadAllText(file))))];

    public string Uid => Root.GetProperty("uid").GetString()!;

    /// <summary>Without the rows that only group them.</summary>
    public IReadOnlyList<GrafanaPanel> Panels =>
        [.. Root.GetProperty("panels").EnumerateArray().Where(panel => Text(panel, "type") != "row").Select(panel => new GrafanaPanel(
            Name, panel.GetProperty("id").GetInt32(), Text(panel, "title"), Text(panel, "description"), Text(panel.GetProperty("fieldConfig").GetProperty("defaults"), "unit"),
            [.. panel.GetProperty("targets").EnumerateArray().Select(target => Text(target, "expr"))]))];

    /// <summary>The metrics whose labels its variables list.</summary>
    public IReadOnlyList<string> VariableMetrics =>
        [.. Root.GetProperty("templating").GetProperty("list").EnumerateArray().Where(variable => Text(variable, "type") == "query")
            .Select(variable => LabelValues().Match(Text(variable, "definition")).Groups[1].Value)];

    private static string Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";

    [GeneratedRegex(@"^label_values\((\w+)")]
    private static partial Regex LabelValues();
}
