using CCGate.Hosting.Configuration;
using CCGate.Projections.Export;
using CCGate.Projections.Questions;
using CCGate.Projections.Spend;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Leaderboard;

/// <summary>One place of a leaderboard.</summary>
/// <param name="Rank">From 1.</param>
/// <param name="Id">Of a key, <c>tenant/key</c>.</param>
/// <param name="Name">As configured, or the id.</param>
/// <param name="Share">Of all of the period, in what the board is ordered by, 0 to 1.</param>
internal sealed record LeaderboardRow(int Rank, string Id, string Name, decimal SpendUsd, long Requests, long Tokens, decimal Share);

/// <summary>The answer of <c>GET /api/leaderboard</c>.</summary>
internal sealed record LeaderboardReport(IReadOnlyList<LeaderboardRow> Items);

/// <summary><c>GET /api/leaderboard</c>: who or what takes the most.</summary>
internal static class LeaderboardEndpoints
{
    private static readonly ExportColumn<LeaderboardRow>[] Columns =
    [
        new("rank", row => row.Rank),
        new("id", row => row.Id),
        new("name", row => row.Name),
        new("spend_usd", row => row.SpendUsd),
        new("requests", row => row.Requests),
        new("tokens", row => row.Tokens),
        new("share", row => row.Share),
    ];

    public static void MapLeaderboard(this IEndpointRouteBuilder api) => api.MapGet("/leaderboard", AnswerAsync)
        .WithSummary("Ranks tenants, keys, models or upstreams")
        .WithDescription("By spend, tokens or requests of a period; without one, of all time.")
        .Produces<LeaderboardReport>()
        .ProducesValidationProblem();

    private static async Task<IResult> AnswerAsync(HttpContext http, ConfigSource config, SpendReader spend, CancellationToken cancellationToken)
    {
        var parameters = new QuestionParameters(http.Request, "by", "order", "from", "to", "limit", "format");
        var by = Enum.Parse<SpendBy>(parameters.OneOf("by", "tenant", "key", "model", "upstream") ?? "tenant", ignoreCase: true);
        var order = parameters.OneOf("order", "spend", "tokens", "requests") ?? "spend";
        var ((from, to), limit, asCsv) = (parameters.Period(), parameters.Limit, parameters.AsCsv);
        if (parameters.Errors.Count > 0)
        {
            return parameters.Problem();
        }

        var report = await spend.ReadAsync(new SpendQuestion { By = by, From = from, To = to }, cancellationToken);
        var rows = report.Rows
            .OrderByDescending(row => Amount(row, order))
            .Take(limit)
            .Select((row, index) => Row(index + 1, row, config.Current, Amount(report.Total, order) is > 0 and var all ? Amount(row, order) / all : 0))
            .ToList();
        return asCsv ? CsvAnswer.Of(http, "leaderboard", rows, Columns) : TypedResults.Json(new LeaderboardReport(rows), ProjectionsJson.Default.LeaderboardReport);
    }

    private static decimal Amount(SpendTotals totals, string order) => order switch
    {
        "tokens" => totals.TotalTokens,
        "requests" => totals.Requests,
        _ => totals.SpendUsd,
    };

    private static LeaderboardRow Row(int rank, SpendRow row, GatewayConfig config, decimal share)
    {
        var (id, name) = row switch
        {
            { Key: { } key } => ($"{row.Tenant}/{key}", null),
            { Tenant: { } tenant } => (tenant, config.Tenants.FirstOrDefault(known => known.Id == tenant)?.Name),
            { Upstream: { } upstream } => (upstream, config.Upstreams.FirstOrDefault(known => known.Id == upstream)?.Name),
            _ => (row.Model ?? "", null),
        };
        return new LeaderboardRow(rank, id, string.IsNullOrEmpty(name) ? id : name, row.SpendUsd, row.Requests, row.TotalTokens, decimal.Round(share, 6));
    }
}
