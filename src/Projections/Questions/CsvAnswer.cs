using System.Text;
using CCGate.Projections.Export;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CCGate.Projections.Questions;

/// <summary>An answer as comma-separated values, for spreadsheets.</summary>
internal static class CsvAnswer
{
    /// <summary>The cursor of the next page, which has no place in the text itself.</summary>
    public const string NextHeader = "x-ccgate-next";

    public static FileContentHttpResult Of<TRow>(HttpContext http, string name, IEnumerable<TRow> rows, IReadOnlyList<ExportColumn<TRow>> columns, string? next = null)
    {
        if (next is not null)
        {
            http.Response.Headers[NextHeader] = next;
        }

        var text = new StringBuilder();
        text.Append(CsvText.Line(columns.Select(column => column.Name))).Append(CsvText.LineEnd);
        foreach (var row in rows)
        {
            text.Append(CsvText.Line(columns.Select(column => column.Value(row)))).Append(CsvText.LineEnd);
        }

        return TypedResults.File(Encoding.UTF8.GetBytes(text.ToString()), "text/csv; charset=utf-8", name + ".csv");
    }
}
