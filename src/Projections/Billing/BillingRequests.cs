using System.Text.Json;

namespace CCGate.Projections.Billing;

/// <summary>The body of <c>POST /api/billing/verify</c>; dates, or instants with their offset.</summary>
internal sealed record VerifyRequest(string? From = null, string? To = null);

/// <summary>The body of <c>POST /api/billing/rebuild</c>; null for all read models.</summary>
internal sealed record RebuildRequest(string? Projection = null);

/// <summary>The body of <c>POST /api/billing/rerate</c>.</summary>
/// <param name="Prices">A price book in the form of prices.json; the shipped prices stand behind it.</param>
/// <param name="From">The first date, or an instant with its offset.</param>
/// <param name="To">The last date (included), or an instant with its offset (not included).</param>
/// <param name="Model">Only attempts of this model; <c>*</c> stands for anything.</param>
/// <param name="Apply">Adjust every request whose amount differs.</param>
/// <param name="Reason">Why; kept with every adjustment.</param>
internal sealed record RerateRequest(
    JsonElement Prices, string From, string To, string? Tenant = null, string? Model = null, bool Apply = false, string? Reason = null);

/// <summary>The body of <c>POST /api/billing/reconcile</c>.</summary>
/// <param name="Upstream">The upstream whose report it is.</param>
/// <param name="Report">CSV or JSON as text, or the provider's JSON itself: a page, or an array of them.</param>
/// <param name="From">The first UTC date; that of the report when not given.</param>
/// <param name="To">The last UTC date (included); that of the report when not given.</param>
/// <param name="Upstreams">Other upstreams of the same account.</param>
/// <param name="Format">What the report is; seen from it when not given.</param>
/// <param name="Threshold">The smallest ratio of metered to reported that agrees; 0.99 when not given.</param>
internal sealed record ReconcileRequest(
    string Upstream, JsonElement Report, DateOnly? From = null, DateOnly? To = null, IReadOnlyList<string>? Upstreams = null, string? Format = null, decimal? Threshold = null);
