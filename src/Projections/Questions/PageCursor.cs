using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace CCGate.Projections.Questions;

/// <summary>Where a page ended: the value the list is sorted by and the id that decides between equal ones.</summary>
internal sealed record PageCursor(long Value, string Id)
{
    private const int LongestCursor = 256;

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

        parameters.Errors["cursor"] = ["It is not the 'next' of an earlier answer to the same question."];
        return null;
    }
}
