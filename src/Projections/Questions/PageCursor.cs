using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace CCGate.Projections.Questions;

/// <summary>Where a page ended: the value the list is sorted by and the id that decides between equal ones.</summary>
internal sealed record PageCursor(long Value, string Id)
{
    private const string NoCursor = "It is not the 'next' of an earlier answer to the same question.";
    private const int LongestCursor = 256;

    /// <summary>Names of two parts, each as long as one may be, in letters of any script.</summary>
    private const int LongestNameCursor = 2048;

    /// <param name="order">What the list is sorted by: a cursor of another order is no cursor here.</param>
    public string Write(string order) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{order} {Value} {Id}")));

    /// <summary>Null when there is none, or an error is noted.</summary>
    public static PageCursor? Read(QuestionParameters parameters, string order)
    {
        if (parameters.Text("cursor") is not { } written)
        {
            return null;
        }

        if (written.Length <= LongestCursor && Base64Url.IsValid(written)
            && Encoding.UTF8.GetString(Base64Url.DecodeFromChars(written)).Split(' ', 3) is [var of, var value, var id] && of == order
            && long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && Guid.TryParse(id, out _))
        {
            return new PageCursor(number, id);
        }

        parameters.Errors["cursor"] = [NoCursor];
        return null;
    }

    /// <summary>A page of what is in memory, and the cursor of the next; null when there is no next, or an error is noted.</summary>
    /// <param name="parameters">The question.</param>
    /// <param name="all">Everything that was asked for.</param>
    /// <param name="nameOf">What the list is sorted by, a name of its own for each.</param>
    public static (IReadOnlyList<T> Items, string? Next) PageByName<T>(QuestionParameters parameters, IEnumerable<T> all, Func<T, string> nameOf)
    {
        var (limit, after) = (parameters.Limit, ReadName(parameters));
        var items = all.OrderBy(nameOf, StringComparer.Ordinal).SkipWhile(item => after is not null && string.CompareOrdinal(nameOf(item), after) <= 0).Take(limit + 1).ToList();
        return items.Count > limit
            ? (items[..limit], Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"name {nameOf(items[limit - 1])}")))
            : (items, null);
    }

    private static string? ReadName(QuestionParameters parameters)
    {
        if (parameters.Text("cursor") is not { } written)
        {
            return null;
        }

        if (written.Length <= LongestNameCursor && Base64Url.IsValid(written) && Encoding.UTF8.GetString(Base64Url.DecodeFromChars(written)).Split(' ', 2) is ["name", var name])
        {
            return name;
        }

        parameters.Errors["cursor"] = [NoCursor];
        return null;
    }
}
