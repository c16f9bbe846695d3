using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.OpenApi;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Notifications;
using CCGate.Projections.Reconciliation;
using CCGate.Projections.Spend;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Billing;

/// <summary><c>/api/billing</c>: proves the bill, makes it again, re-rates it, and compares it with the provider's. What takes long is a job.</summary>
internal static class BillingEndpoints
{
    public const long MaxBodyBytes = 4 * 1024 * 1024;

    private const decimal Threshold = 0.99m;

    public static void MapBilling(this IEndpointRouteBuilder api)
    {
        var billing = api.MapGroup("/billing");
        Job(billing.MapPost("/verify", VerifyAsync)
            .WithSummary("Check the bill against the events")
            .WithDescription("Every row, every price, every sum, and the ledger itself. A job, beside the traffic; its result says isRight and what differs.")
            .WithBody<VerifyRequest>()
            .WithRequestExample("""{ "from": "2026-11-01", "to": "2026-11-30" }"""));
        Job(billing.MapPost("/rebuild", RebuildAsync)
            .WithSummary("Make the read models again from the events")
            .WithDescription("Beside the live ones, which they replace once they have caught up. A job; its result says whether they were identical.")
            .WithBody<RebuildRequest>()
            .WithRequestExample("""{ "projection": "spend" }"""));
        Job(billing.MapPost("/rerate", RerateAsync)
            .WithSummary("What a period would have cost at other prices")
            .WithDescription("A job; with apply and a reason it charges that, by adjustments that add up to the difference. Doing it twice adjusts once.")
            .WithBody<RerateRequest>()
            .WithRequestExample("""
                { "from": "2026-11-01", "to": "2026-11-30", "apply": false,
                  "prices": { "version": "november-offer", "prices": [ { "model": "claude-sonnet-4-5*", "perMillion": { "input": 2.7, "output": 13.5, "cacheRead": 0.27, "cacheWrite5m": 3.375, "cacheWrite1h": 5.4 } } ] } }
                """));
        billing.MapGet("/jobs", (BillingJobs jobs) => TypedResults.Json(new BillingJobList(jobs.All), ProjectionsJson.Default.BillingJobList))
            .WithSummary("The last jobs, the newest first")
            .WithDescription($"At most {BillingJobs.MaxKept}; a restart forgets them.")
            .Produces<BillingJobList>();
        billing.MapGet("/jobs/{id}", IResult (string id, BillingJobs jobs) => jobs.Find(id) is { } job ? Answer(job, StatusCodes.Status200OK) : NoJob(id))
            .WithSummary("How far a job is, and what it found")
            .Produces<BillingJob>()
            .ProducesProblem(StatusCodes.Status404NotFound);
        billing.MapDelete("/jobs/{id}", Cancel)
            .WithSummary("Cancel a job")
            .WithDescription("It ends soon after, as failed. What a re-rating has adjusted by then stays.")
            .Produces<BillingJob>(StatusCodes.Status202Accepted)
            .ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict);
        billing.MapPost("/reconcile", ReconcileAsync)
            .WithSummary("Compare what was metered with the provider's own report")
            .WithDescription($"What comes out is kept in the ledger. The report is CSV or JSON as text, or the provider's JSON itself. Format is one of {string.Join(", ", ReportFormats.ByName.Keys)}; seen from the report when not given.")
            .WithBody<ReconcileRequest>()
            .WithRequestExample("""{ "upstream": "anthropic", "from": "2026-11-20", "to": "2026-11-20", "report": "date,input_tokens,output_tokens\n2026-11-20,120000,30000" }""")
            .Produces<ReconciliationReport>()
            .ProducesValidationProblem()
            .ProducesProblem(StatusCodes.Status413PayloadTooLarge);
    }

    private static void Job(RouteHandlerBuilder endpoint) => endpoint
        .Produces<BillingJob>(StatusCodes.Status202Accepted)
        .ProducesValidationProblem()
        .ProducesProblem(StatusCodes.Status409Conflict)
        .ProducesProblem(StatusCodes.Status413PayloadTooLarge);

    private static Task<IResult> VerifyAsync(HttpContext http, BillingJobs jobs, BillingWork work, ConfigSource config, CancellationToken cancellationToken) =>
        WithBodyAsync(http, ProjectionsJson.Default.VerifyRequest, new VerifyRequest(), asked =>
        {
            var reader = new SpendQuestionReader(config.Current);
            var question = reader.Read(name => name == "from" ? asked.From : name == "to" ? asked.To : null);
            return Task.FromResult<IResult>(reader.Errors.Count > 0
                ? TypedResults.ValidationProblem(reader.Errors)
                : Start(http, jobs, "verify", http.User.Identity!.Name!, (progress, stop) => work.VerifyAsync(new BillingPeriod(question.From, question.To), progress, stop)));
        }, cancellationToken);

    private static Task<IResult> RebuildAsync(HttpContext http, BillingJobs jobs, BillingWork work, CancellationToken cancellationToken) =>
        WithBodyAsync(http, ProjectionsJson.Default.RebuildRequest, new RebuildRequest(), asked => Task.FromResult<IResult>(
            asked.Projection is { } name && !work.Projections.Contains(name)
                ? Invalid("projection", $"There is no '{name}'; there are {string.Join(", ", work.Projections)}.")
                : Start(http, jobs, "rebuild", http.User.Identity!.Name!, (progress, stop) => work.RebuildAsync(asked.Projection, progress, stop))), cancellationToken);

    private static Task<IResult> RerateAsync(
        HttpContext http, BillingJobs jobs, BillingWork work, SpendReader spend, IEventStore store, ConfigSource config, CancellationToken cancellationToken) =>
        WithBodyAsync(http, ProjectionsJson.Default.RerateRequest, null, async asked =>
        {
            var snapshot = config.Current;
            var reader = new SpendQuestionReader(snapshot);
            var question = reader.Read(name => name switch { "tenant" => asked.Tenant, "from" => asked.From, "to" => asked.To, _ => null });
            var wrong = new List<(string Path, string Message)>();
            var book = RerateBook.Read(asked.Prices, wrong);
            if (book is null)
            {
                reader.Errors["prices"] = [.. wrong.Select(error => $"{error.Path}: {error.Message}")];
            }
            else if (await RerateBook.RefusalAsync(book, snapshot.Prices, store, cancellationToken) is { } refusal)
            {
                reader.Errors["prices"] = [refusal];
            }

            if (asked.Tenant is { } tenant && !await spend.KnowsTenantAsync(snapshot, tenant, cancellationToken))
            {
                reader.Errors["tenant"] = [$"There is no '{tenant}', neither among the tenants nor in the ledger."];
            }

            if (asked.Apply && string.IsNullOrWhiteSpace(asked.Reason))
            {
                reader.Errors["reason"] = ["Say why: it is kept with every adjustment."];
            }

            if (reader.Errors.Count > 0)
            {
                return TypedResults.ValidationProblem(reader.Errors);
            }

            var by = http.User.Identity!.Name!;
            var reason = asked.Apply ? asked.Reason!.Trim() : null;
            return Start(http, jobs, "rerate", by, (progress, stop) => work.RerateAsync(new Rerating(book!, asked.Model), question, reason, by, progress, stop));
        }, cancellationToken);

    private static Task<IResult> ReconcileAsync(HttpContext http, Database database, SpendReader spend, Conditions conditions, ReconciliationLog log, ConfigSource config, CancellationToken cancellationToken) =>
        WithBodyAsync(http, ProjectionsJson.Default.ReconcileRequest, null, async asked =>
        {
            List<string> upstreams = [.. ((string[])[asked.Upstream, .. asked.Upstreams ?? []]).Distinct()];
            var errors = new Dictionary<string, string[]>();
            foreach (var name in upstreams)
            {
                if (!await spend.KnowsUpstreamAsync(config.Current, name, cancellationToken))
                {
                    errors["upstream"] = [$"There is no '{name}', neither among the upstreams nor in the ledger."];
                }
            }

            ReportFormat? format = asked.Format is { } written && ReportFormats.ByName.TryGetValue(written, out var known) ? known : null;
            if (asked.Format is not null && format is null)
            {
                errors["format"] = [$"'{asked.Format}' is none of {string.Join(", ", ReportFormats.ByName.Keys)}."];
            }

            if (asked.Threshold is <= 0 or > 1)
            {
                errors["threshold"] = ["It must be above 0 and at most 1, such as 0.99."];
            }

            if (asked.From > asked.To)
            {
                errors["from"] = ["It is after 'to'; the period must not end before it begins."];
            }

            return errors.Count > 0 ? TypedResults.ValidationProblem(errors) : await CompareAsync(asked, upstreams, format, database, async report =>
            {
                await log.AddAsync(report, http.User.Identity!.Name!, cancellationToken);
                if (config.Current.Alerts is not null)
                {
                    await conditions.SetAsync(CaptureRatio(report), report.Days.Any(day => day.CaptureRatio < report.Threshold), cancellationToken);
                }
            }, cancellationToken);
        }, cancellationToken);

    private static async Task<IResult> CompareAsync(ReconcileRequest asked, List<string> upstreams, ReportFormat? format, Database database, Func<ReconciliationReport, Task> judged, CancellationToken cancellationToken)
    {
        if (asked.Report.ValueKind == JsonValueKind.Undefined || !JsonStrings.AreText(asked.Report))
        {
            return Invalid("report", asked.Report.ValueKind == JsonValueKind.Undefined ? "It is missing." : $"It {JsonStrings.Problem}.");
        }

        try
        {
            var text = asked.Report.ValueKind == JsonValueKind.String ? asked.Report.GetString()! : asked.Report.GetRawText();
            var theirs = ProviderReportReader.Read([new ReportPage("report", Encoding.UTF8.GetBytes(text))], format);
            if (theirs.Days.Count == 0 && (asked.From is null || asked.To is null))
            {
                return Invalid("report", "It has no days: name the period with 'from' and 'to'.");
            }

            var (first, last) = (asked.From ?? theirs.Days.Min(), asked.To ?? theirs.Days.Max());
            var metered = await new MeteredReader(database).ReadAsync(upstreams, first, last, cancellationToken);
            var report = new Reconciliation.Reconciliation(theirs, metered, asked.Threshold ?? Threshold).Compare(upstreams, first, last);
            await judged(report);
            return TypedResults.Json(report, ProjectionsJson.Default.ReconciliationReport);
        }
        catch (ReportException unusable)
        {
            return Invalid("report", unusable.Message);
        }
    }

    /// <summary>Of the same upstreams and days it is told once, and once more when they agree.</summary>
    private static Condition CaptureRatio(ReconciliationReport report)
    {
        var what = $"{string.Join(", ", report.Upstreams)}, {report.From:yyyy-MM-dd} to {report.To:yyyy-MM-dd}";
        var low = report.Days.Where(day => day.CaptureRatio < report.Threshold).Select(day => $"{day.Day:yyyy-MM-dd} {day.Metric}: {day.Metered} of {day.Reported}").Take(20);
        return new Condition(
            $"{AlertKinds.CaptureRatio}\n{what}", AlertKinds.CaptureRatio, $"Too little was metered: {what}", string.Join('\n', low), $"What was metered agrees again: {what}");
    }

    private static IResult Cancel(string id, BillingJobs jobs) =>
        jobs.Cancel(id) is { } job ? Answer(job, StatusCodes.Status202Accepted)
        : jobs.Find(id) is { } ended ? TypedResults.Problem($"The job is {ended.State} already.", statusCode: StatusCodes.Status409Conflict)
        : NoJob(id);

    private static IResult Start(HttpContext http, BillingJobs jobs, string kind, string by, Func<IProgress<JobProgress>, CancellationToken, Task<JsonElement>> work)
    {
        if (jobs.Start(kind, by, work) is not { } job)
        {
            return TypedResults.Problem($"A job of the kind '{kind}' is running: wait for its end, or cancel it.", statusCode: StatusCodes.Status409Conflict);
        }

        http.Response.Headers.Location = $"/api/billing/jobs/{job.Id}";
        return Answer(job, StatusCodes.Status202Accepted);
    }

    /// <param name="otherwise">What an empty body means; null when there must be one.</param>
    private static async Task<IResult> WithBodyAsync<T>(HttpContext http, JsonTypeInfo<T> type, T? otherwise, Func<T, Task<IResult>> answer, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } bound)
            {
                bound.MaxRequestBodySize = MaxBodyBytes;
            }

            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body, cancellationToken);
            var asked = body.Length == 0 ? otherwise : JsonSerializer.Deserialize(body.GetBuffer().AsSpan(0, (int)body.Length), type);
            return asked is null ? Invalid("body", "It must be a JSON object.") : await answer(asked);
        }
        catch (JsonException malformed)
        {
            return Invalid("body", $"It is not what is asked for: {malformed.Message}");
        }
        catch (BadHttpRequestException tooLarge) when (tooLarge.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return TypedResults.Problem($"The body is larger than {MaxBodyBytes} bytes.", statusCode: StatusCodes.Status413PayloadTooLarge);
        }
    }

    private static JsonHttpResult<BillingJob> Answer(BillingJob job, int status) => TypedResults.Json(job, ProjectionsJson.Default.BillingJob, statusCode: status);

    private static ProblemHttpResult NoJob(string id) => TypedResults.Problem($"There is no job {id}; the last {BillingJobs.MaxKept} are kept until a restart.", statusCode: StatusCodes.Status404NotFound);

    private static ValidationProblem Invalid(string name, string message) => TypedResults.ValidationProblem(new Dictionary<string, string[]> { [name] = [message] });
}
