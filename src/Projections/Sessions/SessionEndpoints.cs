using CCGate.Projections.Export;
using CCGate.Projections.Questions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Sessions;

/// <summary><c>GET /api/sessions</c>: conversations, the one used last first.</summary>
internal static class SessionEndpoints
{
    private static readonly ExportColumn<SessionRow>[] Columns =
    [
        new("id", row => row.Id),
        new("tenant", row => row.Tenant),
        new("key", row => row.Key),
        new("first_at", row => row.FirstAt),
        new("last_at", row => row.LastAt),
        new("active", row => row.Active),
        new("requests", row => row.Requests),
        new("spend_usd", row => row.SpendUsd),
        new("input_tokens", row => row.InputTokens),
        new("cache_read_tokens", row => row.CacheReadTokens),
        new("output_tokens", row => row.OutputTokens),
        new("model", row => row.Model),
        new("upstream", row => row.Upstream),
    ];

    public static void MapSessions(this IEndpointRouteBuilder api) => api.MapGet("/sessions", AnswerAsync)
        .WithSummary("Lists sessions")
        .WithDescription("The one used last first; with active=true, those with a request in the last ten minutes. A page may be short and still have a next one.")
        .Produces<SessionPage>()
        .ProducesValidationProblem();

    private static async Task<IResult> AnswerAsync(HttpContext http, SessionReader sessions, CancellationToken cancellationToken)
    {
        var parameters = new QuestionParameters(http.Request, "tenant", "active", "limit", "cursor", "format");
        var (active, limit, after, asCsv) = (parameters.OneOf("active", "true", "false") == "true", parameters.Limit, PageCursor.Read(parameters, SessionReader.Order), parameters.AsCsv);
        if (parameters.Errors.Count > 0)
        {
            return parameters.Problem();
        }

        var page = await sessions.ReadAsync(parameters.Text("tenant"), active, limit, after, cancellationToken);
        return asCsv ? CsvAnswer.Of(http, "sessions", page.Items, Columns, page.Next) : TypedResults.Json(page, ProjectionsJson.Default.SessionPage);
    }
}
