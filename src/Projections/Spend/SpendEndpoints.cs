using CCGate.Hosting.Configuration;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Spend;

/// <summary><c>GET /api/usage</c>: who used and owes how much, by what the question asks for.</summary>
internal static class SpendEndpoints
{
    /// <summary>An answer is never larger; an hourly one over years would be.</summary>
    public const int MaxRows = 10_000;

    public static void MapSpend(this IEndpointRouteBuilder api) => api.MapGet("/usage", AnswerAsync);

    private static async Task<IResult> AnswerAsync(HttpRequest request, ConfigSource config, SpendReader spend, CancellationToken cancellationToken)
    {
        var reader = new SpendQuestionReader(config.Current);
        var question = reader.Read(name => request.Query[name] is [{ Length: > 0 } value] ? value : null);
        foreach (var (name, values) in request.Query)
        {
            // A misspelt filter that is ignored answers another question than was asked.
            if (!SpendQuestionReader.Parameters.Contains(name))
            {
                reader.Errors[name] = [$"There is no such parameter; there are {string.Join(", ", SpendQuestionReader.Parameters)}."];
            }
            else if (values.Count != 1)
            {
                reader.Errors[name] = ["Give it once."];
            }
        }

        if (reader.Errors.Count > 0)
        {
            return TypedResults.ValidationProblem(reader.Errors);
        }

        var report = await spend.ReadAsync(question, cancellationToken);
        return report.Rows.Count <= MaxRows
            ? TypedResults.Json(report, ProjectionsJson.Default.SpendReport)
            : TypedResults.ValidationProblem(new Dictionary<string, string[]>
            {
                ["from"] = [$"The answer would have {report.Rows.Count} rows and {MaxRows} are allowed: ask for a shorter period, or by something coarser."],
            });
    }
}
