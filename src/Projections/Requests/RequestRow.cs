using System.ComponentModel.DataAnnotations;
using System.Data.Common;
using CCGate.Contracts;
using CCGate.Hosting.Storage;

namespace CCGate.Projections.Requests;

/// <summary>A request as lists show it, with what was corrected since.</summary>
internal sealed record RequestRow
{
    public const string Columns = """
        id, tenant_id, key_id, session_id, surface, requested_model, model, upstream_id, outcome, usage_state, admitted_at, completed_at, streaming, status, attempts,
        duration_ms, first_byte_ms, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, web_searches, spend_pico, held_pico
        """;

    public required string Id { get; init; }

    public DateTimeOffset AdmittedAt { get; init; }

    public DateTimeOffset CompletedAt { get; init; }

    public required string Tenant { get; init; }

    public required string Key { get; init; }

    public string? Session { get; init; }

    public required string Surface { get; init; }

    public required string RequestedModel { get; init; }

    /// <summary>As the last upstream served it.</summary>
    public string? Model { get; init; }

    /// <summary>The last one that was tried.</summary>
    public string? Upstream { get; init; }

    public bool Streaming { get; init; }

    [EnumDataType(typeof(RequestOutcome))]
    public required string Outcome { get; init; }

    public long? Status { get; init; }

    public long Attempts { get; init; }

    public long DurationMs { get; init; }

    /// <summary>From admission to the first byte of the answer.</summary>
    public long? FirstByteMs { get; init; }

    public long InputTokens { get; init; }

    public long CacheReadTokens { get; init; }

    public long CacheWriteTokens { get; init; }

    public long OutputTokens { get; init; }

    public long ReasoningTokens { get; init; }

    public long WebSearches { get; init; }

    /// <summary><c>Unknown</c> while the usage of an attempt is, <c>Settled</c> once somebody said what it was.</summary>
    [EnumDataType(typeof(UsageState))]
    public required string UsageState { get; init; }

    public decimal SpendUsd { get; init; }

    /// <summary>What was reserved before it was forwarded.</summary>
    public decimal HeldUsd { get; init; }

    /// <summary>Reads a row of <see cref="Columns"/>.</summary>
    public static RequestRow Read(DbDataReader row)
    {
        string? Text(int column) => row.IsDBNull(column) ? null : row.GetString(column);
        long? Number(int column) => row.IsDBNull(column) ? null : row.GetInt64(column);
        return Of(column => column < RequestRecord.TextColumns ? Text(column) : null, column => Number(column + RequestRecord.TextColumns));
    }

    public static RequestRow Of(RequestRecord record) => Of(column => record.Texts[column], column => record.Numbers[column]);

    private static RequestRow Of(Func<int, string?> text, Func<int, long?> number) => new()
    {
        Id = text(0)!,
        Tenant = text(1)!,
        Key = text(2)!,
        Session = text(3),
        Surface = text(4)!,
        RequestedModel = text(5)!,
        Model = text(6),
        Upstream = text(7),
        Outcome = text(8)!,
        UsageState = text(9)!,
        AdmittedAt = Instant.FromMicroseconds(number(0)!.Value),
        CompletedAt = Instant.FromMicroseconds(number(1)!.Value),
        Streaming = number(2) != 0,
        Status = number(3),
        Attempts = number(4)!.Value,
        DurationMs = number(5)!.Value,
        FirstByteMs = number(6),
        InputTokens = number(7)!.Value,
        CacheReadTokens = number(8)!.Value,
        CacheWriteTokens = number(9)!.Value,
        OutputTokens = number(10)!.Value,
        ReasoningTokens = number(11)!.Value,
        WebSearches = number(12)!.Value,
        SpendUsd = Picodollars.ToUsd(number(13)!.Value),
        HeldUsd = Picodollars.ToUsd(number(14)!.Value),
    };
}
