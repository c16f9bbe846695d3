using System.Text.Json;
using System.Text.RegularExpressions;
using CCGate.Tests.Infrastructure;
using Microsoft.Playwright;

namespace CCGate.Tests.EndToEnd.Browser;

/// <summary>A browser window on the dashboard, used as a person does: by what is written on the page. It notes whatever the browser complains of.</summary>
internal sealed class DashboardWindow : IAsyncDisposable
{
    private static readonly string Axe = File.ReadAllText(Path.Combine(NodeClient.Directory, "node_modules", "axe-core", "axe.min.js"));

    private readonly IBrowserContext context;
    private readonly List<string> complaints = [];
    private readonly PageViewportSizeResult size;

    public DashboardWindow(IBrowserContext context, IPage page)
    {
        this.context = context;
        Page = page;
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                complaints.Add($"{message.Type}: {message.Text} ({message.Location})");
            }
        };
        page.PageError += (_, error) => complaints.Add($"uncaught: {error}");
        page.Dialog += (_, dialog) =>
        {
            complaints.Add($"dialog: {dialog.Message}");
            _ = dialog.DismissAsync();
        };
        size = page.ViewportSize!;
    }

    public IPage Page { get; }

    /// <summary>Errors and warnings on the console, and exceptions nobody caught, except for what a test says is to be expected.</summary>
    public IEnumerable<string> Complaints(string? expected = null) => complaints.Where(complaint => expected is null || !complaint.Contains(expected, StringComparison.Ordinal));

    /// <summary>What came before is no longer of interest.</summary>
    public void Forget() => complaints.Clear();

    /// <summary>Back to the size the window was opened with.</summary>
    public Task ResetAsync() => Page.SetViewportSizeAsync(size.Width, size.Height);

    public async Task GoAsync(string path) => await Page.GotoAsync(path);

    /// <summary>Signs in on the page as the operator of the tests' configuration.</summary>
    public async Task SignInAsync(string username = TestGateway.Admin, string password = TestGateway.Password)
    {
        await GoAsync("/dashboard");
        await Field("User name").FillAsync(username);
        await Field("Password").FillAsync(password);
        await Button("Sign in").ClickAsync();
        await Heading("Overview").WaitForAsync();
    }

    /// <summary>Gives the window a session without the page, where signing in is not what is tested.</summary>
    /// <param name="key">Of a tenant; without one it is the operator's.</param>
    public async Task HasSessionAsync(string? key = null)
    {
        object credentials = key is null ? new { username = TestGateway.Admin, password = TestGateway.Password } : new { key };
        var answer = await context.APIRequest.PostAsync("/api/session", new APIRequestContextOptions { DataObject = credentials });
        Assert.True(answer.Ok, await answer.TextAsync());
    }

    /// <summary>The page has its heading, and nothing in it is still being loaded.</summary>
    public async Task IsAtRestAsync()
    {
        await Page.Locator("main").WaitForAsync();
        await Page.WaitForFunctionAsync("() => !document.querySelector('.mantine-Skeleton-root, [aria-busy=true]') && !/Loading…|加载中…/.test(document.body.innerText)");
    }

    public ILocator Button(string name) => Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = name, Exact = true });

    public ILocator Link(string name) => Page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = name, Exact = true });

    /// <summary>What is filled in under this label; a star marks those that have to be.</summary>
    public ILocator Field(string label) => Page.GetByLabel(new Regex($"^{Regex.Escape(label)}( \\*)?$"));

    public ILocator Dialog => Page.GetByRole(AriaRole.Dialog);

    public ILocator Heading(string name) => Page.GetByRole(AriaRole.Heading, new PageGetByRoleOptions { Name = name, Exact = true });

    /// <summary>What axe finds that would keep somebody out: violations it calls serious or critical.</summary>
    public async Task<IReadOnlyList<string>> AccessibilityIssuesAsync()
    {
        await Page.EvaluateAsync(Axe);
        var found = await Page.EvaluateAsync<JsonElement>("async () => (await axe.run(document, { resultTypes: ['violations'] })).violations");
        return [.. found.EnumerateArray()
            .Where(violation => violation.GetProperty("impact").GetString() is "serious" or "critical")
            .Select(violation => $"{violation.GetProperty("id")}: {violation.GetProperty("help")} {string.Join(" | ", violation.GetProperty("nodes").EnumerateArray().Take(5).Select(node => node.GetProperty("html")))}")];
    }

    /// <summary>By how many pixels the page is wider than the window, once what follows the window's size has followed it.</summary>
    public async Task<int> OverflowAsync()
    {
        const string overflow = "document.scrollingElement.scrollWidth - innerWidth";
        try
        {
            await Page.WaitForFunctionAsync($"() => {overflow} <= 0", options: new PageWaitForFunctionOptions { Timeout = 3_000 });
            return 0;
        }
        catch (TimeoutException)
        {
            return await Page.EvaluateAsync<int>(overflow);
        }
    }

    /// <summary>A picture for people to look at, kept where <c>CCGATE_SCREENSHOTS</c> says, if it says so.</summary>
    public async Task ScreenshotAsync(string name)
    {
        if (Environment.GetEnvironmentVariable("CCGATE_SCREENSHOTS") is { Length: > 0 } directory)
        {
            await Page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(directory, name + ".png"), FullPage = true });
        }
    }

    public async ValueTask DisposeAsync() => await context.DisposeAsync();
}
