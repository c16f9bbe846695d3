using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;

namespace CCGate.Projections.Administration;

/// <summary>What operators did at run time, for <c>AdministrationFeed</c> in every process.</summary>
internal sealed class AdministrationProjection : IProjection
{
    private static readonly string Ddl = SqlFile.Read("Administration.AdministrationTable.sql");

    public string Name => "administration";

    public IReadOnlyList<string> AddedColumns => [];

    public string CreateTable(string table) => Ddl.Replace("$table", table, StringComparison.Ordinal);

    public WriteRows Fold(IReadOnlyList<StoredEvent> events)
    {
        var rows = events.Where(IsByOperator).Select(stored => new Row(
            stored.Position, stored.Id.ToString(), stored.Stream, stored.Type, Instant.ToMicroseconds(stored.Timestamp), stored.Data)).ToList();
        return rows.Count == 0 ? (_, _, _) => Task.CompletedTask : (table, transaction, cancellationToken) => Checkpoints.ExecuteAsync(
            transaction, $"insert into {table} (position, id, stream, type, at, data) values (@Position, @Id, @Stream, @Type, @At, @Data)", rows, cancellationToken);
    }

    /// <summary>The types of events that are copied. Told by the type, without reading the event; only a book has to be asked whether it is a change.</summary>
    private static bool IsByOperator(StoredEvent stored) => stored.Type switch
    {
        EventTypes.BudgetExtended or EventTypes.TenantChanged or EventTypes.KeyIssued or EventTypes.KeyRevoked
            or EventTypes.UpstreamChanged or EventTypes.UpstreamOrdered or EventTypes.RoutingChanged or EventTypes.ApiTokenIssued or EventTypes.ApiTokenRevoked => true,
        EventTypes.PriceBookPublished => IsChange(stored),
        _ => false,
    };

    private static bool IsChange(StoredEvent stored)
    {
        try
        {
            return JsonSerializer.Deserialize(stored.Data, ContractsJson.Default.PriceBookPublished) is { IsChange: true };
        }
        catch (JsonException malformed)
        {
            throw new UnreadableEventException(stored, malformed.Message, malformed);
        }
    }

    private sealed record Row(long Position, string Id, string Stream, string Type, long At, string Data);
}
