using Microsoft.Playwright;

namespace CCGate.Tests.EndToEnd.Browser;

/// <summary>The windows that the tests of all pages look through, signed in once.</summary>
public sealed class OpenWindows : IAsyncLifetime
{
    private readonly Dictionary<string, DashboardWindow> windows = [];

    /// <summary>The window with these looks; it is opened and signed in when it is first asked for.</summary>
    internal async Task<DashboardWindow> OfAsync(Chromium chromium, DashboardGateway gateway, string language, bool dark, int width, bool isTenant)
    {
        var name = $"{language} {dark} {width} {isTenant}";
        if (!windows.TryGetValue(name, out var window))
        {
            windows[name] = window = await chromium.OpenAsync(gateway.Url, language, dark, width);
            await window.HasSessionAsync(isTenant ? gateway.HostileKey : null);
        }

        return window;
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var window in windows.Values)
        {
            await window.DisposeAsync();
        }
    }
}

/// <summary>What holds of every page: it says nothing on the console, keeps nobody out, fits a phone, speaks both languages, and takes no name for markup.</summary>
[Collection(nameof(Browser))]
public sealed class PageTests(Chromium chromium, DashboardGateway gateway, OpenWindows windows) : IClassFixture<OpenWindows>
{
    private const int Wide = 1280;
    private const int Phone = 390;

    public static TheoryData<string> Routes => new(
        "", "usage", "usage?by=model&and=tenant", "leaderboard", "requests", "requests?open={request}", "requests/{request}", "sessions",
        "tenants", "tenants?arrange=tree", "tenants/-/keys", "tenants/-/new", "tenants/hostile", "tenants/hostile/edit", "tenants/alice",
        "upstreams", "upstreams/sim", "upstreams/-/new", "upstreams/-/routing", "prices",
        "billing", "billing?tab=checks", "billing?tab=rerate", "billing?tab=reconcile", "billing?tab=jobs",
        "audit", "tokens", "settings", "setup", "no-such-page");

    public static TheoryData<string> TenantRoutes => new("me", "setup");

    [Theory]
    [MemberData(nameof(Routes))]
    public Task Every_page_of_the_operator_is_fit_for_everybody(string route) => IsFitAsync(route.Replace("{request}", gateway.RequestId.ToString(), StringComparison.Ordinal), isTenant: false);

    [Theory]
    [MemberData(nameof(TenantRoutes))]
    public Task Every_page_of_a_tenant_is_fit_for_everybody(string route) => IsFitAsync(route, isTenant: true);

    private async Task IsFitAsync(string route, bool isTenant)
    {
        var faults = new List<string>();
        foreach (var (language, dark, width) in new[] { ("en", false, Wide), ("zh-CN", true, Phone) })
        {
            var window = await windows.OfAsync(chromium, gateway, language, dark, width, isTenant);
            faults.AddRange((await FaultsAsync(window, route, $"{(isTenant ? "tenant-" : "")}{Named(route)}-{language}")).Select(fault => $"{language}: {fault}"));
        }

        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    private async Task<List<string>> FaultsAsync(DashboardWindow window, string route, string picture)
    {
        window.Forget();
        await window.GoAsync("/dashboard/" + route);
        await window.IsAtRestAsync();
        await window.ScreenshotAsync(picture);
        var faults = (await window.AccessibilityIssuesAsync()).ToList();
        foreach (var width in new[] { Phone, Wide })
        {
            await window.Page.SetViewportSizeAsync(width, 900);
            if (await window.OverflowAsync() is > 0 and var overflow)
            {
                faults.Add($"at {width} px the page is {overflow} px too wide");
            }
        }

        if (await window.Page.Locator("img[src='x']").CountAsync() > 0)
        {
            faults.Add("a name became an image");
        }

        await window.ResetAsync();
        faults.AddRange(window.Complaints());
        return faults;
    }

    private static string Named(string route) => route.Length == 0 ? "overview" : string.Concat(route.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-'));
}
