using System.Globalization;
using System.Text;
using CCGate.Hosting.Configuration;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace CCGate.Projections.Administration;

/// <summary>What is asked of a list: what it is narrowed by, how long a piece is, and where it begins.</summary>
/// <param name="Query">The parameters.</param>
/// <param name="Limit">The most entries.</param>
/// <param name="After">What the piece before ended with; null for the first.</param>
internal sealed record ListQuestion(IQueryCollection Query, int Limit, string? After)
{
    private const int DefaultLimit = 50;
    private const int MaxLimit = 500;

    /// <exception cref="ChangeRefusedException">A parameter is not known, or cannot be read.</exception>
    public static ListQuestion Read(HttpRequest request, params string[] known)
    {
        var problems = new List<ConfigProblem>();
        string[] all = [.. known, "limit", "cursor"];
        foreach (var name in request.Query.Keys.Where(name => !all.Contains(name)))
        {
            problems.Add(new ConfigProblem("", name, "is not a parameter", string.Join(", ", all), IsWarning: false));
        }

        var limit = DefaultLimit;
        if (request.Query["limit"] is [{ } written] && (!int.TryParse(written, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxLimit))
        {
            problems.Add(new ConfigProblem("", "limit", "is not a number of entries", $"1 to {MaxLimit}", IsWarning: false));
        }

        string? after = null;
        try
        {
            after = request.Query["cursor"] is [{ Length: > 0 } cursor] ? Encoding.UTF8.GetString(WebEncoders.Base64UrlDecode(cursor)) : null;
        }
        catch (FormatException)
        {
            problems.Add(new ConfigProblem("", "cursor", "is not one", "next of the answer before", IsWarning: false));
        }

        ChangeRefusedException.ThrowIfAny(problems);
        return new ListQuestion(request.Query, limit, after);
    }

    public string? this[string name] => Query[name] is [{ Length: > 0 } value] ? value : null;

    /// <summary>The piece after the cursor, and the cursor of the next one.</summary>
    /// <param name="all">Everything, in order.</param>
    /// <param name="keyOf">What the order is by.</param>
    public (List<T> Items, string? Next) Piece<T>(IEnumerable<T> all, Func<T, string> keyOf)
    {
        var items = all.SkipWhile(item => After is not null && string.CompareOrdinal(keyOf(item), After) <= 0).Take(Limit + 1).ToList();
        if (items.Count <= Limit)
        {
            return (items, null);
        }

        items.RemoveAt(Limit);
        return (items, Cursor(keyOf(items[^1])));
    }

    public static string Cursor(string after) => WebEncoders.Base64UrlEncode(Encoding.UTF8.GetBytes(after));
}
