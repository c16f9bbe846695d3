using CCGate.Projections.Export;

namespace CCGate.Tests.Unit.Projections;

/// <summary>Comma-separated values, written and read.</summary>
public sealed class CsvTextTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("say \"hi\"", "\"say \"\"hi\"\"\"")]
    [InlineData("two\nlines", "\"two\nlines\"")]
    [InlineData("Grüße, 世界", "\"Grüße, 世界\"")]
    public void Text_is_quoted_when_it_must_be(string value, string written) => Assert.Equal(written, CsvText.Line([value]));

    [Theory]
    [InlineData("=1+1", "'=1+1")]
    [InlineData("+1", "'+1")]
    [InlineData("-1", "'-1")]
    [InlineData("@SUM(A1)", "'@SUM(A1)")]
    [InlineData("\tx", "'\tx")]
    [InlineData("=a,b", "\"'=a,b\"")]
    public void A_text_that_a_spreadsheet_would_run_is_a_text(string value, string written) => Assert.Equal(written, CsvText.Line([value]));

    [Fact]
    public void Numbers_are_numbers_in_every_culture_also_negative_ones() => Assert.Equal(
        "-0.000000000001,1234567,true,2026-11-21,2026-11-21T12:00:00.5Z,",
        CsvText.Line([-0.0000000000010m, 1234567L, true, new DateOnly(2026, 11, 21), new DateTimeOffset(2026, 11, 21, 13, 0, 0, 500, TimeSpan.FromHours(1)), null]));

    [Fact]
    public void What_is_written_is_read_back()
    {
        string[][] rows = [["a,b", "say \"hi\"", "two\r\nlines"], ["", "x", ""], ["1", "2", "3"]];

        var text = string.Concat(rows.Select(row => CsvText.Line(row) + CsvText.LineEnd));

        Assert.Equal(rows, CsvText.Read(text).Select(row => row.ToArray()));
        Assert.Equal(rows, CsvText.Read(text.TrimEnd()).Select(row => row.ToArray()));
    }

    [Fact]
    public void Blank_lines_and_plain_line_ends_are_taken() =>
        Assert.Equal([["a", "b"], ["1", "2"]], CsvText.Read("a,b\n\n1,2\n\r\n").Select(row => row.ToArray()));

    [Fact]
    public void A_quote_that_never_ends_is_an_error() => Assert.Throws<FormatException>(() => CsvText.Read("a,\"b").ToList());
}
