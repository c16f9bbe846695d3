using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Metering.EventStore;
using CCGate.Projections.Explanation;
using CCGate.Projections.Quotas;
using CCGate.Projections.Requests;
using CCGate.Projections.Spend;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Projections.Me;

/// <summary>The answer of <c>GET /api/me</c>: who the key belongs to, and what it may use.</summary>
/// <param name="Key">The key that asked.</param>
/// <param name="Limits">The tenant's own and those of its keys, as in <c>GET /api/quotas</c>.</param>
/// <param name="Models">Names that somebody configured; where upstreams serve all there is, there are more.</param>
internal sealed record MeReport(
    string Id, string Name, string Timezone, string Key, bool Enabled, IReadOnlyList<QuotaUse> Limits, IReadOnlyList<MeKey> Keys, IReadOnlyList<string> Models);

/// <summary>One of the tenant's keys.</summary>
/// <param name="Hint">The end of its secret, where the gateway made it.</param>
internal sealed record MeKey(string Id, string? Label, string? Hint);

/// <summary><c>/api/me</c>: what a tenant sees of itself. Those below it are not shown, nor where its requests went.</summary>
internal static class MeEndpoints
{
    public static void MapMe(this RouteGroupBuilder me)
    {
        me.AddEndpointFilter(new AskingTenant(((IEndpointRouteBuilder)me).ServiceProvider.GetRequiredService<ConfigSource>()));
        me.MapGet("", AnswerAsync)
            .WithSummary("Shows a tenant itself").WithDescription("Its limits, keys and models.").Produces<MeReport>().ProducesProblem(StatusCodes.Status401Unauthorized);
        me.MapGet("/usage", (HttpContext http, ConfigSource config, SpendReader spend, CancellationToken cancellationToken) =>
                SpendEndpoints.AnswerAsync(http, AskingTenant.Of(http).Tenant.Id, config, spend, cancellationToken))
            .WithSummary("Sums a tenant's own usage and spend")
            .WithSpendQuestion();
        me.MapGet("/requests", (HttpContext http, RequestReader requests, CancellationToken cancellationToken) =>
                RequestEndpoints.AnswerAsync(http, AskingTenant.Of(http).Tenant.Id, requests, cancellationToken))
            .WithSummary("Lists a tenant's own requests")
            .WithRequestQuestion();
        me.MapGet("/requests/{id}", ExplainAsync)
            .WithSummary("Explains what one of a tenant's own requests cost").Produces<RequestExplanation>().ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static async Task<IResult> AnswerAsync(HttpContext http, ConfigSource source, QuotaReader quotas, TimeProvider time, CancellationToken cancellationToken)
    {
        var (config, (tenant, key, _)) = (source.Current, AskingTenant.Of(http));
        var limits = await quotas.ReadAsync(config, new QuotaQuestion(tenant.Id, null), time.GetUtcNow(), cancellationToken);
        return TypedResults.Json(
            new MeReport(tenant.Id, tenant.Name, tenant.TimeZone.Id, key.Id, tenant.Enabled, limits, [.. tenant.Keys.Select(one => new MeKey(one.Id, one.Label, one.Hint))], Models(config, tenant)),
            ProjectionsJson.Default.MeReport);
    }

    private static IReadOnlyList<string> Models(GatewayConfig config, TenantConfig tenant)
    {
        var upstreams = config.Upstreams.Where(upstream => upstream.Enabled && upstream.Groups.Intersect(tenant.Groups, StringComparer.Ordinal).Any());
        return
        [
            .. upstreams.SelectMany(upstream => upstream.ModelMapping.Names.Concat(upstream.Models))
                .Where(name => !ModelPattern.IsWildcard(name) && ModelPattern.MatchesAny(tenant.AllowedModels, name))
                .Concat(tenant.ModelAliases.Names)
                .Distinct(StringComparer.OrdinalIgnoreCase)
                .Order(StringComparer.Ordinal),
        ];
    }

    private static async Task<IResult> ExplainAsync(string id, HttpContext http, IEventStore store, CancellationToken cancellationToken)
    {
        // One that is somebody else's is answered like one that is not there.
        var found = Guid.TryParse(id, out var requestId) ? await new RequestExplainer(store).ExplainAsync(requestId, cancellationToken) : null;
        return found is not null && found.Tenant == AskingTenant.Of(http).Tenant.Id
            ? TypedResults.Json(ForTenant(found), ProjectionsJson.Default.RequestExplanation)
            : TypedResults.Problem("There is no such request of yours.", statusCode: StatusCodes.Status404NotFound);
    }

    /// <summary>Without what concerns upstreams, proxies and operators. Failures and reasons are words about upstreams.</summary>
    private static RequestExplanation ForTenant(RequestExplanation found) => found with
    {
        ProxyInstance = null,
        Attempts = [.. found.Attempts.Select(attempt => attempt with { Upstream = null, UpstreamKeyHint = null, Failure = null, Reason = null })],
        Adjustments = [.. found.Adjustments.Select(adjustment => adjustment with { By = null, Lines = [.. adjustment.Lines.Select(line => line with { UpstreamId = "" })] })],
    };
}
