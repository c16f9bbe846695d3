using System.Data.Common;
using Dapper;

namespace CCGate.Projections.Spend;

/// <summary>A part of a period, in microseconds since 1970, and the table that has it.</summary>
internal readonly record struct SpendPiece(string Table, long From, long To)
{
    /// <summary>Reads columns of it; the parameters are <c>@From</c> and <c>@To</c>, and <c>@Tenant</c> where only that one is asked for.</summary>
    /// <param name="rest">More conditions, and what follows them.</param>
    public string Sql(string columns, bool ofTenant, string rest) => ofTenant
        // The key has the quarter hour before the tenant: from one quarter hour to the next, and in each to the tenant, reads a thousandth of the rows of a thousand tenants.
        ? $"""
            with recursive bucket (at) as (
              select min(bucket_start) from {Table} where bucket_start >= @From and bucket_start < @To
              union all
              select (select min(bucket_start) from {Table} where bucket_start > bucket.at and bucket_start < @To) from bucket where bucket.at is not null
            )
            select {columns} from bucket cross join {Table} where bucket_start = bucket.at and tenant_id = @Tenant {rest}
            """
        : $"select {columns} from {Table} where bucket_start >= @From and bucket_start < @To {rest}";
}

/// <summary>Divides a period into the days that are added up and the quarter hours that are left.</summary>
internal static class SpendPieces
{
    /// <param name="snapshot">What reads the pieces as well: seals are good for the rows of the same instant.</param>
    /// <param name="table">The one that has the sealed days in the grain of the question; <c>spend</c> when only that has.</param>
    public static async Task<IReadOnlyList<SpendPiece>> DivideAsync(DbTransaction snapshot, string table, long from, long to, CancellationToken cancellationToken)
    {
        const string Sql = "select day from spend_seal where sealed = 1 and day >= @from and day < @to order by day";
        var days = table == "spend"
            ? []
            : await snapshot.Connection!.QueryAsync<long>(new CommandDefinition(Sql, new { from, to }, snapshot, cancellationToken: cancellationToken));

        var pieces = new List<SpendPiece>();
        foreach (var day in days.Where(day => day + SpendRollUp.Day <= to))
        {
            if (pieces is [.., var last] && last.To == day)
            {
                pieces[^1] = last with { To = day + SpendRollUp.Day };
                continue;
            }

            var open = pieces.Count == 0 ? from : pieces[^1].To;
            if (open < day)
            {
                pieces.Add(new SpendPiece("spend", open, day));
            }

            pieces.Add(new SpendPiece(table, day, day + SpendRollUp.Day));
        }

        var rest = pieces.Count == 0 ? from : pieces[^1].To;
        if (rest < to)
        {
            pieces.Add(new SpendPiece("spend", rest, to));
        }

        return pieces;
    }
}
