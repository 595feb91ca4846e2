# The server in Docker: .\docker\server.ps1 up | down [--volumes] | status | logs [SERVICE] | backup FILE | restore FILE | upgrade
# Another name for `flows server ... --docker`, which does the work. ASCII only: Windows PowerShell reads no UTF-8 without a mark.
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$project = Split-Path -Parent $PSScriptRoot
$installed = Join-Path $project '.venv\Scripts\flows.exe'
$onPath = Get-Command -Name 'flows' -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
if (Test-Path -LiteralPath $installed -PathType Leaf) {
    $flows = $installed
} elseif ($null -ne $onPath) {
    $flows = $onPath.Source
} else {
    [Console]::Error.WriteLine("error: flows is not installed; in $project run: py -m venv .venv; .venv\Scripts\pip install -e .")
    exit 1
}

# A copy: `$args` is PowerShell's own.
$words = @($args)
if ($words.Count -eq 0) {
    $words = @('status')
}
& $flows server @words --docker
exit $LASTEXITCODE
