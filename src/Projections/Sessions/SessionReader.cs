using System.Globalization;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Projections.Questions;
using CCGate.Projections.Requests;
using Dapper;

namespace CCGate.Projections.Sessions;

/// <summary>A conversation: the requests of a key with the same session.</summary>
/// <param name="LastAt">When its last request was admitted.</param>
/// <param name="Active">That was a short while ago.</param>
/// <param name="Model">Of its last request.</param>
/// <param name="Upstream">Of its last request.</param>
internal sealed record SessionRow(
    string Id, string Tenant, string Key, DateTimeOffset FirstAt, DateTimeOffset LastAt, bool Active, long Requests, decimal SpendUsd, long InputTokens, long CacheReadTokens, long OutputTokens,
    string? Model, string? Upstream);

/// <summary>A page of sessions, the one used last first.</summary>
internal sealed record SessionPage(IReadOnlyList<SessionRow> Items, string? Next);

/// <summary>Lists sessions from the requests: there is no table of them, and one request, the last, stands for each.</summary>
internal sealed class SessionReader(Database database, TimeProvider time)
{
    public const string Order = "session";

    /// <summary>How long after its last request a session counts as active.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    /// <summary>Requests looked at for a page; where that is not enough, the page is short and has a next one.</summary>
    private const int Chunk = 10_000;

    public async Task<SessionPage> ReadAsync(string? tenant, bool onlyActive, int limit, PageCursor? after, CancellationToken cancellationToken)
    {
        var activeSince = Instant.ToMicroseconds(time.GetUtcNow() - Lifetime);
        var inner = string.Concat(
            "select admitted_at, id, tenant_id, key_id, session_id, model, upstream_id from requests where 1 = 1",
            tenant is null ? "" : " and tenant_id = @tenant",
            onlyActive ? " and admitted_at >= @activeSince" : "",
            after is null ? "" : " and (admitted_at, id) < (@value, @id)",
            " order by admitted_at desc, id desc limit ",
            Chunk.ToString(CultureInfo.InvariantCulture));
        var parameters = new { tenant, activeSince, value = after?.Value ?? 0, id = after?.Id ?? "", limit = limit + 1 };

        await using var connection = await database.OpenAsync(cancellationToken);
        await using var snapshot = await database.BeginSnapshotAsync(connection, cancellationToken);
        var lasts = (await connection.QueryAsync<Last>(Query($"""
            select r.admitted_at as AdmittedAt, r.id as Id, r.tenant_id as Tenant, r.key_id as Key, r.session_id as Session, r.model as Model, r.upstream_id as Upstream from ({inner}) as r
            where r.session_id is not null and not exists (
              select 1 from requests as n where n.session_id = r.session_id and (n.admitted_at, n.id) > (r.admitted_at, r.id) and n.tenant_id = r.tenant_id and n.key_id = r.key_id)
            limit @limit
            """, parameters))).AsList();
        var next = lasts.Count > limit
            ? new PageCursor(lasts[limit - 1].AdmittedAt, lasts[limit - 1].Id)
            : await connection.QueryFirstOrDefaultAsync<PageCursor?>(Query($"select admitted_at as Value, id as Id from ({inner}) as r limit 1 offset {Chunk - 1}", parameters));
        lasts = lasts[..Math.Min(lasts.Count, limit)];

        var sessions = lasts.Select(last => last.Session).Distinct(StringComparer.Ordinal).ToArray();
        var sums = sessions.Length == 0 ? [] : (await connection.QueryAsync<Sum>(Query("""
            select tenant_id as Tenant, key_id as Key, session_id as Session, min(admitted_at) as FirstAt, count(*) as Requests, cast(sum(spend_pico) as bigint) as Pico,
              cast(sum(input_tokens) as bigint) as Input, cast(sum(cache_read_tokens) as bigint) as CacheRead, cast(sum(output_tokens) as bigint) as Output
            from requests where session_id in @sessions group by 1, 2, 3
            """, new { sessions }))).ToDictionary(sum => (sum.Tenant, sum.Key, sum.Session));
        return new SessionPage([.. lasts.Select(last => Row(last, sums[(last.Tenant, last.Key, last.Session)], activeSince))], next?.Write(Order));

        CommandDefinition Query(string sql, object values) => new(sql, values, snapshot, cancellationToken: cancellationToken);
    }

    private static SessionRow Row(Last last, Sum sum, long activeSince) => new(
        last.Session, last.Tenant, last.Key, Instant.FromMicroseconds(sum.FirstAt), Instant.FromMicroseconds(last.AdmittedAt), last.AdmittedAt >= activeSince, sum.Requests,
        Picodollars.ToUsd(sum.Pico), sum.Input, sum.CacheRead, sum.Output, last.Model, last.Upstream);

    private sealed record Last(long AdmittedAt, string Id, string Tenant, string Key, string Session, string? Model, string? Upstream);

    private sealed record Sum(string Tenant, string Key, string Session, long FirstAt, long Requests, long Pico, long Input, long CacheRead, long Output);
}
