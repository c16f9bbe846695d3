using System.Text.RegularExpressions;
using CCGate.Tests.Infrastructure;
using Microsoft.Playwright;

namespace CCGate.Tests.EndToEnd.Browser;

[Collection(nameof(Browser))]
public sealed partial class SignInTests(Chromium chromium, DashboardGateway gateway)
{
    [Fact]
    public async Task The_sign_in_page_is_for_everybody()
    {
        await using var window = await chromium.OpenAsync(gateway.Url);

        await window.GoAsync("/dashboard");

        await window.Button("Sign in").WaitForAsync();
        await window.ScreenshotAsync("sign-in");
        Assert.Empty(await window.AccessibilityIssuesAsync());
        Assert.Empty(window.Complaints("401"));
    }

    [Fact]
    public async Task Who_signs_out_has_to_sign_in_again()
    {
        await using var window = await chromium.OpenAsync(gateway.Url);
        await window.SignInAsync();

        await window.Button($"{TestGateway.Admin}: Account and display").ClickAsync();
        await window.Page.GetByRole(AriaRole.Menuitem, new PageGetByRoleOptions { Name = "Sign out" }).ClickAsync();
        await window.Button("Sign in").WaitForAsync();

        await window.GoAsync("/dashboard/tenants");
        await window.Button("Sign in").WaitForAsync();
        Assert.Empty(window.Complaints("401"));
    }

    [Fact]
    public async Task Who_guesses_is_told_so_and_then_how_long_to_wait()
    {
        await using var window = await chromium.OpenAsync(gateway.Url);
        await window.GoAsync("/dashboard");
        await window.Field("User name").FillAsync("somebody");
        await window.Field("Password").FillAsync("guess");

        await window.Button("Sign in").ClickAsync();
        await window.Page.GetByText("The user name or the password is wrong.").WaitForAsync();
        await Eventually.HoldsAsync(
            async () =>
            {
                await window.Button("Sign in").ClickAsync();
                return await window.Page.GetByText(Locked()).CountAsync() > 0;
            },
            "the name is locked out");

        Assert.Empty(window.Complaints("status of 4"));
    }

    [GeneratedRegex(@"Too many attempts\. Try again in \d+ s\.")]
    private static partial Regex Locked();
}
