using CCGate.Contracts;
using CCGate.Hosting.OpenApi;
using CCGate.Projections.Export;
using CCGate.Projections.Questions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Requests;

/// <summary><c>GET /api/requests</c>: the requests themselves, filtered, sorted and in pages.</summary>
internal static class RequestEndpoints
{
    private static readonly ExportColumn<RequestRow>[] Columns =
    [
        new("id", row => row.Id),
        new("admitted_at", row => row.AdmittedAt),
        new("completed_at", row => row.CompletedAt),
        new("tenant", row => row.Tenant),
        new("key", row => row.Key),
        new("session", row => row.Session),
        new("surface", row => row.Surface),
        new("requested_model", row => row.RequestedModel),
        new("model", row => row.Model),
        new("upstream", row => row.Upstream),
        new("streaming", row => row.Streaming),
        new("outcome", row => row.Outcome),
        new("status", row => row.Status),
        new("attempts", row => row.Attempts),
        new("duration_ms", row => row.DurationMs),
        new("first_byte_ms", row => row.FirstByteMs),
        new("input_tokens", row => row.InputTokens),
        new("cache_read_tokens", row => row.CacheReadTokens),
        new("cache_write_tokens", row => row.CacheWriteTokens),
        new("output_tokens", row => row.OutputTokens),
        new("reasoning_tokens", row => row.ReasoningTokens),
        new("web_searches", row => row.WebSearches),
        new("usage_state", row => row.UsageState),
        new("spend_usd", row => row.SpendUsd),
        new("held_usd", row => row.HeldUsd),
    ];

    public static void MapRequests(this IEndpointRouteBuilder api) => api.MapGet("/requests", (HttpContext http, RequestReader requests, CancellationToken cancellationToken) =>
            AnswerAsync(http, owner: null, requests, cancellationToken))
        .WithSummary("Lists requests")
        .WithDescription("Filtered by any of its parameters, sorted by time, spend or duration; format=csv gives a page as a spreadsheet reads it, with the next cursor in x-ccgate-next. "
            + "Searching looks only so far at a time: a page may be short and still have a next one.")
        .WithQuery("tenant", "Only this tenant's.")
        .WithQuery("upstream", "Only those this upstream answered last.")
        .WithRequestQuestion();

    /// <summary>The parameters of operators and tenants alike.</summary>
    public static RouteHandlerBuilder WithRequestQuestion(this RouteHandlerBuilder endpoint) => endpoint
        .WithQuery("key", "Only those made with this key.")
        .WithQuery("model", "Only those that asked for this model, or got it.")
        .WithQuery("session", "Only those of this conversation.")
        .WithQuery("surface", "Only those made in this protocol.")
        .WithQuery("outcome", "Only those that ended so.", Enum.GetNames<RequestOutcome>())
        .WithQuery("state", "Only those whose usage is so.", RequestQuestionReader.States)
        .WithNumber("status", "Only those answered with this status.")
        .WithQuery("from", "Admitted on this date or after it; a date, or an instant with its offset.")
        .WithQuery("to", "Admitted up to this date (included), or before this instant.")
        .WithQuery("minUsd", "Only those that cost so much.")
        .WithQuery("q", "Only those with this text in an id or a name.")
        .WithQuery("sort", "time when not given.", "time", "spend", "duration")
        .WithQuery("order", "desc when not given.", "asc", "desc")
        .WithPages()
        .Produces<RequestPage>()
        .ProducesValidationProblem();

    /// <param name="owner">The tenant that asks; null for an operator.</param>
    public static async Task<IResult> AnswerAsync(HttpContext http, string? owner, RequestReader requests, CancellationToken cancellationToken)
    {
        var parameters = new QuestionParameters(http.Request, owner is null ? RequestQuestionReader.ForOperators : RequestQuestionReader.ForTenants);
        var question = RequestQuestionReader.Read(parameters, owner);
        var asCsv = parameters.AsCsv;
        if (parameters.Errors.Count > 0)
        {
            return parameters.Problem();
        }

        if (await requests.TooManyToSortAsync(question, cancellationToken) is { } most)
        {
            parameters.Errors["sort"] = [$"There are more than {most} requests to sort: give a shorter period with 'from' and 'to', or fewer filters."];
            return parameters.Problem();
        }

        var page = await requests.ReadAsync(question, cancellationToken);
        if (owner is not null)
        {
            page = page with { Items = [.. page.Items.Select(row => row with { Upstream = null })] };
        }

        return asCsv
            ? CsvAnswer.Of(http, "requests", page.Items, owner is null ? Columns : Array.FindAll(Columns, column => column.Name != "upstream"), page.Next)
            : TypedResults.Json(page, ProjectionsJson.Default.RequestPage);
    }
}
