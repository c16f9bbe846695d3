using System.Text.Json;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Docs;

/// <summary>The dashboards of <c>deploy/grafana</c> can be loaded, read and followed.</summary>
public sealed class DashboardTests
{
    public static TheoryData<string> Dashboards => [.. GrafanaDashboard.All.Select(dashboard => dashboard.Name)];

    [Theory]
    [MemberData(nameof(Dashboards))]
    public void A_dashboard_keeps_its_address_and_leads_to_the_others(string name)
    {
        var dashboard = Named(name);

        Assert.Equal("ccgate-" + name, dashboard.Uid);
        Assert.InRange(dashboard.Root.GetProperty("schemaVersion").GetInt32(), 39, 41);
        Assert.Equal("30s", dashboard.Root.GetProperty("refresh").GetString());
        Assert.Contains("ccgate", dashboard.Root.GetProperty("tags").EnumerateArray().Select(tag => tag.GetString()));
        Assert.Equal(
            GrafanaDashboard.All.Select(other => other.Uid).Where(uid => uid != dashboard.Uid).Order(StringComparer.Ordinal),
            dashboard.Root.GetProperty("links").EnumerateArray().Select(link => link.GetProperty("url").GetString()!["/d/".Length..]).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Dashboards))]
    public void Every_panel_says_what_it_shows_in_which_unit(string name)
    {
        var panels = Named(name).Panels;

        Assert.Equal(panels.Count, panels.DistinctBy(panel => panel.Id).Count());
        Assert.All(panels, panel =>
        {
            Assert.True(panel.Title.Length > 0 && panel.Unit.Length > 0, panel.ToString());
            Assert.True(panel.Description.Length > 20 && panel.Description.EndsWith('.'), panel.ToString());
            Assert.NotEmpty(panel.Queries);
        });
    }

    [Theory]
    [MemberData(nameof(Dashboards))]
    public void Every_query_is_of_the_chosen_source_and_processes(string name)
    {
        Assert.All(Named(name).Panels, panel => Assert.All(panel.Queries, query => Assert.Contains("instance=~\"$instance\"", query, StringComparison.Ordinal)));
        Assert.All(
            Named(name).Root.GetProperty("panels").EnumerateArray().Where(panel => panel.GetProperty("type").GetString() != "row"),
            panel => Assert.Equal("${datasource}", panel.GetProperty("datasource").GetProperty("uid").GetString()));
    }

    [Fact]
    public async Task Every_query_is_understood_by_Prometheus()
    {
        var queries = GrafanaDashboard.All.SelectMany(dashboard => dashboard.Panels).SelectMany(panel => panel.Queries).Select(PromQl.WithoutVariables).ToList();
        var directory = Directory.CreateTempSubdirectory("ccgate-dashboards-");
        try
        {
            // JSON is YAML. Promtool checks expressions nowhere but in rules.
            var file = Path.Combine(directory.FullName, "rules.yaml");
            await File.WriteAllTextAsync(file, JsonSerializer.Serialize(new { groups = new[] { new { name = "panels", rules = queries.Select((expr, index) => new { record = $"panel:query:{index}", expr }) } } }));

            await ServerProcess.RunAsync("/usr/bin/promtool", "check", "rules", "--lint=none", file);
        }
        finally
        {
            directory.Delete(recursive: true);
        }

        Assert.NotEmpty(queries);
    }

    private static GrafanaDashboard Named(string name) => GrafanaDashboard.All.Single(dashboard => dashboard.Name == name);
}
