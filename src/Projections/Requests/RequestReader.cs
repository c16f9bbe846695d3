using System.Data.Common;
using CCGate.Hosting.Storage;
using CCGate.Projections.Questions;
using Dapper;

namespace CCGate.Projections.Requests;

/// <summary>A page of requests.</summary>
/// <param name="Items">In the order asked for.</param>
/// <param name="Next">Where the next page begins; absent at the end. A page may be short and have a next one: a search looks only so far at a time.</param>
internal sealed record RequestPage(IReadOnlyList<RequestRow> Items, string? Next);

/// <summary>Lists requests from the read model.</summary>
internal sealed class RequestReader(Database database, TimeProvider time)
{
    /// <summary>Rows looked at by one statement when no index knows which of them fit.</summary>
    private const int Chunk = 10_000;

    /// <summary>A search for what hardly exists would read all of history; it gives what it has by then.</summary>
    private static readonly TimeSpan LongestSearch = TimeSpan.FromMilliseconds(100);

    /// <summary>Requests that are sorted by spend or duration: those of a period are in the index with both.</summary>
    public int MostSorted { get; init; } = 250_000;

    /// <summary>The same where each row must be read as well, to see whether it fits.</summary>
    public int MostFilteredAndSorted { get; init; } = 50_000;

    /// <summary>Null when the question can be sorted; otherwise how many requests can be, which there are more of in the period, the tenant or the session.</summary>
    public async Task<int?> TooManyToSortAsync(RequestQuestion question, CancellationToken cancellationToken)
    {
        if (question.Sort == RequestSort.Time)
        {
            return null;
        }

        var most = question.Filters.Count > 0 || question.Tenant is not null || question.Session is not null ? MostFilteredAndSorted : MostSorted;
        await using var connection = await database.OpenAsync(cancellationToken);
        var sql = $"select count(*) from (select 1 from requests where {Indexed(question, null)} limit {most + 1}) as r";
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(sql, Parameters(question, null, 0), cancellationToken: cancellationToken)) > most ? most : null;
    }

    public async Task<RequestPage> ReadAsync(RequestQuestion question, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var (started, items, position) = (time.GetTimestamp(), new List<RequestRow>(), question.After);
        var chunked = question.Sort == RequestSort.Time && question.Filters.Count > 0;
        do
        {
            var parameters = Parameters(question, position, question.Limit + 1 - items.Count);
            var sql = chunked ? ChunkSql(question, position) : question.Sort == RequestSort.Time ? TimeSql(question, position) : SortedSql(question, position);
            await using var rows = await connection.ExecuteReaderAsync(new CommandDefinition(sql, parameters, cancellationToken: cancellationToken));
            while (await rows.ReadAsync(cancellationToken))
            {
                items.Add(RequestRow.Read(rows));
            }

            await rows.CloseAsync();
            if (items.Count > question.Limit)
            {
                items.RemoveAt(question.Limit);
                return new RequestPage(items, Cursor(question, items[^1]).Write(question.Order));
            }

            position = chunked ? await EndOfChunkAsync(connection, question, position, cancellationToken) : null;
        }
        while (position is not null && time.GetElapsedTime(started) < LongestSearch);

        return new RequestPage(items, position?.Write(question.Order));
    }

    private static PageCursor Cursor(RequestQuestion question, RequestRow last) => new(
        question.Sort switch
        {
            RequestSort.Spend => Contracts.Picodollars.FromUsd(last.SpendUsd),
            RequestSort.Duration => last.DurationMs,
            _ => Instant.ToMicroseconds(last.AdmittedAt),
        },
        last.Id);

    private static async Task<PageCursor?> EndOfChunkAsync(DbConnection connection, RequestQuestion question, PageCursor? position, CancellationToken cancellationToken)
    {
        var sql = $"select admitted_at, id from requests where {Indexed(question, position)} order by {OrderBy(question)} limit 1 offset {Chunk - 1}";
        await using var rows = await connection.ExecuteReaderAsync(new CommandDefinition(sql, Parameters(question, position, 0), cancellationToken: cancellationToken));
        return await rows.ReadAsync(cancellationToken) ? new PageCursor(rows.GetInt64(0), rows.GetString(1)) : null;
    }

    private static string TimeSql(RequestQuestion question, PageCursor? position) =>
        $"select {RequestRow.Columns} from requests where {Indexed(question, position)} order by {OrderBy(question)} limit @limit";

    /// <summary>The inner statement walks an index and ends; the outer one only passes on what fits, in that order, and stops it when it has enough.</summary>
    private static string ChunkSql(RequestQuestion question, PageCursor? position) => $"""
        select {RequestRow.Columns} from (select {RequestRow.Columns} from requests where {Indexed(question, position)} order by {OrderBy(question)} limit {Chunk}) as r
        where {string.Join(" and ", question.Filters.Select(filter => filter.Sql))} limit @limit
        """;

    /// <summary>First the keys, which an index has with what they are sorted by, then their rows.</summary>
    private static string SortedSql(RequestQuestion question, PageCursor? position) => $"""
        select {string.Join(", ", RequestRow.Columns.Split(',').Select(column => "r." + column.Trim()))} from (
          select admitted_at as at, id as key from requests where {string.Join(" and ", question.Filters.Select(filter => filter.Sql).Prepend(Indexed(question, position)))}
          order by {OrderBy(question)} limit @limit) as k
        join requests as r on r.admitted_at = k.at and r.id = k.key order by {OrderBy(question, "r.")}
        """;

    private static string Indexed(RequestQuestion question, PageCursor? position) => string.Concat(
        "1 = 1",
        question.Tenant is null ? "" : " and tenant_id = @tenant",
        question.Session is null ? "" : " and session_id = @session",
        question.From is null ? "" : " and admitted_at >= @from",
        question.To is null ? "" : " and admitted_at < @to",
        position is null ? "" : $" and ({question.Column}, id) {(question.Ascending ? '>' : '<')} (@value, @id)");

    private static string OrderBy(RequestQuestion question, string of = "")
    {
        var direction = question.Ascending ? "asc" : "desc";
        return $"{of}{question.Column} {direction}, {of}id {direction}";
    }

    private static DynamicParameters Parameters(RequestQuestion question, PageCursor? position, int limit)
    {
        var parameters = new DynamicParameters();
        parameters.Add("tenant", question.Tenant);
        parameters.Add("session", question.Session);
        parameters.Add("from", question.From is { } from ? Instant.ToMicroseconds(from) : 0);
        parameters.Add("to", question.To is { } to ? Instant.ToMicroseconds(to) : 0);
        parameters.Add("value", position?.Value ?? 0);
        parameters.Add("id", position?.Id ?? "");
        parameters.Add("limit", limit);
        foreach (var (_, name, value) in question.Filters)
        {
            parameters.Add(name, value);
        }

        return parameters;
    }
}
