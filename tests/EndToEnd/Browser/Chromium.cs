using CCGate.Tests.Infrastructure;
using Microsoft.Playwright;

namespace CCGate.Tests.EndToEnd.Browser;

/// <summary>Debian's Chromium, started once for all tests of the dashboard; each test opens windows of its own.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private const string Program = "/usr/bin/chromium";

    private static readonly string[] Flags =
        ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"];

    private IPlaywright? playwright;
    private IBrowser? browser;

    public async Task InitializeAsync()
    {
        Assert.True(File.Exists(Program), "The tests of the dashboard need Debian's chromium: ./test.sh installs it.");
        playwright = await Playwright.CreateAsync();
        browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = Program, Args = Flags });
    }

    public async Task DisposeAsync()
    {
        if (browser is not null)
        {
            await browser.DisposeAsync();
        }

        playwright?.Dispose();
    }

    /// <summary>A window without cookies on the dashboard of a gateway.</summary>
    internal async Task<DashboardWindow> OpenAsync(string url, string language = "en", bool dark = false, int width = 1280)
    {
        var context = await browser!.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = url,
            Locale = language,
            ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light,
            ViewportSize = new ViewportSize { Width = width, Height = 900 },
            Permissions = ["clipboard-read", "clipboard-write"],
        });
        context.SetDefaultTimeout(30_000);
        return new DashboardWindow(context, await context.NewPageAsync());
    }
}

/// <summary>The tests that share the browser and a gateway to look at; they take turns, since a page that waits for a processor looks like a page that hangs.</summary>
[CollectionDefinition(nameof(Browser))]
public sealed class BrowserTests : ICollectionFixture<Chromium>, ICollectionFixture<DashboardGateway>;
