/// How the page looks: light and dark, wide and narrow, with nothing from the network.
enum PageStyle {
  static let css = """
    :root{color-scheme:light dark;--bg:#fbfbfa;--card:#fff;--ink:#1d2126;--soft:#5d6672;--line:#dfe2e6;--track:#eef0f2;
    --good:#1a7f4b;--bad:#c0242c;--warn:#b25c00;--accent:#2f6fb6;
    --dubbed:#26804f;--original:#a66200;--mixed:#8e4ec6;--silent:#6c757f;--unknown:#c0242c}
    @media(prefers-color-scheme:dark){:root{--bg:#14171a;--card:#1c2024;--ink:#e7eaed;--soft:#9aa4af;--line:#31373e;--track:#282d33;
    --good:#57c98d;--bad:#ff7b7b;--warn:#f0a850;--accent:#7db4f0;
    --dubbed:#26804f;--original:#9e6107;--mixed:#8a55bb;--silent:#636c77;--unknown:#c23c42}}
    *{box-sizing:border-box}
    body{font:15px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif;margin:0 auto;max-width:76rem;padding:1.5rem 1rem 4rem;
    background:var(--bg);color:var(--ink);font-variant-numeric:tabular-nums}
    h1{font-size:1.6rem;margin:0 0 .2rem} h2{font-size:1.15rem;margin:2.2rem 0 .6rem} h3{font-size:.82rem;margin:1.4rem 0 .5rem;
    text-transform:uppercase;letter-spacing:.06em;color:var(--soft)}
    a{color:var(--accent)} .soft{color:var(--soft)} .good{color:var(--good)} .bad{color:var(--bad)} .warn{color:var(--warn)}
    .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.7rem;margin:1.2rem 0}
    .card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.6rem .8rem}
    .card b{display:block;font-size:1.35rem;line-height:1.3} .card span{color:var(--soft);font-size:.85rem}
    .scroll{overflow-x:auto} table{border-collapse:collapse;width:100%} td,th{padding:.35rem .8rem .35rem 0;text-align:left;
    vertical-align:top;border-bottom:1px solid var(--line)} th{font-weight:600;color:var(--soft);font-size:.85rem;white-space:nowrap}
    td.number{white-space:nowrap} td.words{min-width:9rem} td.message{white-space:pre-line;min-width:16rem} [data-part=checks] td.number{white-space:normal;max-width:16rem;overflow-wrap:anywhere} tr:last-child td{border-bottom:0}
    .badge{display:inline-block;border-radius:4px;padding:.05rem .5rem;font-size:.85rem;color:#fff;background:var(--unknown)}
    .is-dubbed{background:var(--dubbed)} .is-original,.is-passthrough{background:var(--original)} .is-mixed{background:var(--mixed)}
    .is-silent,.is-refused{background:var(--silent)}
    details.stream{background:var(--card);border:1px solid var(--line);border-radius:8px;margin:.7rem 0}
    details.stream>summary{cursor:pointer;padding:.7rem .9rem;display:flex;flex-wrap:wrap;gap:.3rem .8rem;align-items:baseline}
    details.stream[open]>summary{border-bottom:1px solid var(--line)} summary .test{flex:1 1 20rem} .content{padding:.4rem .9rem 1rem}
    .lanes{display:grid;grid-template-columns:6.5rem minmax(0,1fr);gap:.3rem .7rem;align-items:center}
    .answers{grid-template-columns:6.5rem minmax(0,3fr) minmax(0,2fr)} .lanes>.name{color:var(--soft);font-size:.85rem}
    .track{position:relative;height:1.35rem;background:var(--track);border-radius:3px;overflow:hidden}
    .track>*{position:absolute;top:0;bottom:0} .picture{height:6rem;background:#000} .picture img{height:100%;display:block}
    .answer{background:var(--accent);min-width:3px} .answer.late,.answer.never{background:var(--bad)} .answer.never{opacity:.35}
    .ack{width:2px;background:var(--ink)} .sent{width:2px;background:var(--accent)} .bound{width:2px;background:var(--bad);right:0}
    .track .said{padding:0 .4rem;line-height:1.35rem;font-size:.8rem;white-space:nowrap;left:0;color:var(--ink)}
    .strip{height:1.7rem} .strip>*{border:0;border-radius:0;text-align:left;font:inherit;color:#fff;font-size:.8rem;line-height:1.7rem;padding:0 .4rem;overflow:hidden;white-space:nowrap;
    border-right:2px solid var(--card)}
    .deltas{height:3.4rem} .deltas .zero{left:0;right:0;top:50%;bottom:auto;height:1px;background:var(--soft)}
    .deltas .limit{left:0;right:0;height:1px;bottom:auto;background:var(--bad);opacity:.6} .deltas .delta{width:10px;margin-left:-5px;
    background:var(--accent);min-height:2px} .deltas .delta.late{background:var(--bad)}
    .deltas .said{top:auto;bottom:0;line-height:1.1rem;left:auto}
    .ticks{position:relative;height:1.1rem;font-size:.75rem;color:var(--soft)} .ticks span{position:absolute;white-space:nowrap}
    .key{font-size:.8rem;color:var(--soft);margin:.4rem 0 0} .key i{display:inline-block;width:.75em;height:.75em;margin:0 .3em 0 .8em}
    .hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
    :focus-visible{outline:3px solid var(--accent);outline-offset:1px} .strip>button{cursor:pointer} .strip>button:focus-visible{outline-offset:-3px}
    .verdict{font-size:1.15rem;font-weight:600} .problems{border:2px solid var(--bad);border-radius:8px;background:var(--card);padding:.2rem 1rem .6rem;
    margin:1.2rem 0} .problems h2{margin:.6rem 0} .problems li p{margin:.15rem 0 .7rem} .problems li a{font-weight:600}
    .problems .why{white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.45 ui-monospace,monospace} .problems summary{cursor:pointer;color:var(--accent)}
    .cause{border-left:4px solid var(--bad);padding-left:.7rem;font-weight:600;margin:.6rem 0}
    .report{margin:.5rem 0} .report summary{cursor:pointer;color:var(--accent)} .report textarea{display:block;width:100%;margin-top:.4rem;
    font:13px/1.4 ui-monospace,monospace;background:var(--track);color:var(--ink);border:1px solid var(--line);border-radius:4px}
    button.copy{font:inherit;padding:.2rem .9rem;border-radius:4px;border:1px solid var(--line);background:var(--track);color:var(--ink);cursor:pointer}
    .player{display:block;width:20rem;max-width:100%;aspect-ratio:16/9;background:#000;margin:0 0 .6rem 7.2rem}
    .playhead{width:2px;background:var(--bad);left:-2px;pointer-events:none} [data-ready] .track{cursor:pointer}
    .answers .said{background:var(--track)} .sound{display:flex;align-items:center;gap:.4rem;font-size:.8rem} .sound span{width:3.6rem;color:var(--soft)} .sound audio{height:1.7rem;width:11rem}
    .log td,.sequence td{padding-top:.1rem;padding-bottom:.1rem;font-size:.85rem;border-bottom:0} .log .level-error td{color:var(--bad)}
    .log .level-warning td{color:var(--warn)} .sequence .ends{min-width:17rem} .ends span:last-child{float:right}
    .sequence td.arrow{border-left:2px solid var(--soft);border-right:2px solid var(--soft);padding:.1rem 0;position:relative;text-align:center}
    .sequence td{vertical-align:middle} .arrow span:first-child{display:block;position:relative;border-bottom:1px solid var(--accent);margin:0 .5rem;
    line-height:1.25} .arrow span:first-child::after{content:"▶";position:absolute;right:-.3rem;bottom:-.4rem;font-size:.6rem;color:var(--accent)}
    .to-worker .arrow span:first-child::after{content:"◀";right:auto;left:-.3rem}
    .sequence .failed .arrow,.sequence .failed td{color:var(--bad)}
    .scroll:focus-visible{outline-offset:2px}
    @media(max-width:40rem){.player{margin-left:0}}
    @media(max-width:40rem){.lanes{grid-template-columns:4.2rem minmax(0,1fr)} .answers{grid-template-columns:4.2rem minmax(0,1fr) minmax(0,1fr)}
    .picture{height:4.5rem} body{padding:1rem .6rem} .content{padding:.4rem .6rem 1rem}}
    """
}
