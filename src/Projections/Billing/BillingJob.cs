using System.ComponentModel.DataAnnotations;
using System.Text.Json;

namespace CCGate.Projections.Billing;

/// <summary>How far a job is, in whatever it counts.</summary>
internal sealed record JobProgress(long Done, long Total);

/// <summary>Long work on the bill that an operator asked for, as it stands.</summary>
/// <param name="Kind"><c>verify</c>, <c>rebuild</c> or <c>rerate</c>.</param>
/// <param name="State"><c>running</c>, <c>done</c> or <c>failed</c>.</param>
/// <param name="By">Who asked for it.</param>
internal sealed record BillingJob(
    string Id,
    string Kind,
    [property: AllowedValues(BillingJob.Running, BillingJob.Done, BillingJob.Failed)] string State,
    string By,
    DateTimeOffset StartedAt)
{
    public const string Running = "running";
    public const string Done = "done";
    public const string Failed = "failed";

    public DateTimeOffset? EndedAt { get; init; }

    public JobProgress? Progress { get; init; }

    /// <summary>What a job that is done found: the report of its kind.</summary>
    public JsonElement? Result { get; init; }

    /// <summary>Why it failed.</summary>
    public string? Error { get; init; }
}

/// <summary>The answer of <c>GET /api/billing/jobs</c>, the newest first.</summary>
internal sealed record BillingJobList(IReadOnlyList<BillingJob> Items);

/// <summary>A job cannot do what it was asked; the message says why.</summary>
internal sealed class JobFailedException(string message) : Exception(message);
