using System.Globalization;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;
using CCGate.Projections.Spend;

namespace CCGate.Projections.Usage;

/// <summary>Says whether an upstream answers, where somebody knows; the projections role does not, and takes what is enabled for healthy.</summary>
internal delegate bool UpstreamHealth(string upstreamId);

/// <summary>Answers the Node project's question for today, from the spend table.</summary>
internal sealed class NodeUsageReader(ConfigSource config, SpendReader spend, TimeProvider time, UpstreamHealth? health = null)
{
    private static readonly WindowClock Utc = new TenantConfig { Id = "" }.Clock;

    public async Task<NodeTenantContent> TenantAsync(TenantConfig tenant, CancellationToken cancellationToken)
    {
        var (date, day) = await DayAsync(tenant.Id, tenant.Clock, cancellationToken);
        var limits = new NodeLimits(NodeUsdLimit.Of(day.TotalCost, tenant.DailyMaxUsd));
        return new NodeTenantContent(new NodeTenant(tenant.Id, tenant.Name), new NodeTenantUsage(tenant.Id, date, limits, day));
    }

    public async Task<NodeAdminContent> AdminAsync(CancellationToken cancellationToken)
    {
        var snapshot = config.Current;
        var tenants = new List<NodeAdminTenant>();
        foreach (var tenant in snapshot.Tenants)
        {
            var usage = (await TenantAsync(tenant, cancellationToken)).Usage;
            tenants.Add(new NodeAdminTenant(tenant.Id, tenant.Name, usage.TodayUsage, usage.Limits));
        }

        var (_, today) = await DayAsync(tenant: null, Utc, cancellationToken);
        var upstreams = snapshot.Upstreams
            .Select(upstream => new NodeUpstream(upstream.Id, upstream.Name, upstream.Url, upstream.Enabled && (health?.Invoke(upstream.Id) ?? true)))
            .ToList();
        var system = new NodeSystem(
            today.TotalRequests,
            today.TotalCost,
            tenants.Count(tenant => tenant.Usage.TotalRequests > 0),
            upstreams.Count,
            upstreams.Count(upstream => upstream.Healthy));
        return new NodeAdminContent(new NodeAdminUsage(today, tenants), system, upstreams);
    }

    /// <summary>The day that the daily limit is about, which begins at the tenant's reset time.</summary>
    private async Task<(string Date, NodeDay Day)> DayAsync(string? tenant, WindowClock clock, CancellationToken cancellationToken)
    {
        var window = clock.Containing(LimitWindow.Daily, time.GetUtcNow());
        var today = LocalDay.Of(window.Start, clock.Zone);
        var question = new SpendQuestion { Tenant = tenant, Zone = clock.Zone, From = window.Start, To = window.End };
        var byModel = await spend.ReadAsync(question with { By = SpendBy.Model }, cancellationToken);
        var byHour = await spend.ReadAsync(question with { By = SpendBy.Hour }, cancellationToken);
        return (today.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), new NodeDay(byModel, byHour));
    }
}
