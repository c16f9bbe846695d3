using CCGate.Contracts;
using CCGate.Hosting.Storage;
using Dapper;

namespace CCGate.Projections.Quotas;

/// <summary>What was decided about a tenant and what happened to its budgets, from its stream in the ledger: few events, found by the stream's index.</summary>
internal sealed class TenantEvents(Database database)
{
    /// <summary>The last events of a type, the newest first.</summary>
    public async Task<IReadOnlyList<string>> ReadAsync(string tenantId, string type, int limit, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var found = await connection.QueryAsync<string>(new CommandDefinition(
            "select cast(data as text) from mt_events where stream_id = @stream and type = @type order by version desc limit @limit",
            new { stream = EventRecord.TenantStream(tenantId), type, limit },
            cancellationToken: cancellationToken));
        return found.AsList();
    }
}
