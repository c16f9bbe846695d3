using System.Globalization;

namespace CCGate.Cli.Commands;

/// <summary>Says on standard error how far a long command is, so that what it prints stays clean: in place on a terminal, a line for every tenth elsewhere.</summary>
internal sealed class ProgressText(TextWriter error, string name) : IProgress<double>
{
    private readonly bool inPlace = ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected;
    private int reported = -1;

    /// <param name="value">From 0 to 1.</param>
    public void Report(double value)
    {
        var percent = (int)(value * 100);
        percent = inPlace ? percent : percent / 10 * 10;
        if (percent <= reported)
        {
            return;
        }

        reported = percent;
        var text = string.Create(CultureInfo.InvariantCulture, $"{name}: {percent}%");
        if (inPlace)
        {
            error.Write(percent == 100 ? $"\r{text}\n" : $"\r{text}");
        }
        else
        {
            error.WriteLine(text);
        }
    }
}
