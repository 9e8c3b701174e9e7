/**
 * Words on which the commonest passwords are built. Case, look-alike characters ("p@ssw0rd") and a few digits or signs
 * before and after do not make them better, so only the bare word stands here.
 */
export const COMMON_WORDS: ReadonlySet<string> = new Set(
  `
  parley parleychat parleyapp password passwort passwords passwd pass passcode passphrase motdepasse contrasena senha
  parola wachtwoord haslo heslo losenord salasana sifre geheim secret secrets topsecret mysecret letmein letmeinplease
  welcome welkom willkommen bienvenue bienvenido hello helloworld hallo hola bonjour goodbye login signin signup
  account admin administrator root superuser sysadmin system server master default guest user users test tester
  testing testtest demo example sample changeme changeit change temp temporary nothing whatever something anything
  everything someone nobody unknown noname access security secure computer internet network website email mail google
  facebook youtube twitter instagram whatsapp linkedin myspace yahoo hotmail gmail microsoft windows apple samsung
  nokia android iphone macbook playstation nintendo xbox minecraft roblox fortnite pokemon pikachu warcraft starcraft
  starwars startrek matrix superman batman spiderman spidey ironman wolverine hercules godzilla gandalf frodo legolas
  merlin voyager enterprise discovery slipknot metallica nirvana eminem beatles rolling rockyou rockstar rockon
  rocknroll music musica guitar piano drummer dancer dance dancing singer love lovely lover lovers loveme loveyou
  lovelove iloveyou iloveu iloveme iloveher iloveit iloveyouso ihateyou mylove truelove forever foreverlove always
  babygirl babyboy baby babe babes babydoll angel angels angelo angela angelica princess princesa prince queen king
  kingdom queenbee sweetie sweetheart sweety sweet sweets sugar honey honeybee darling beautiful beauty pretty
  gorgeous cutie cutiepie handsome sexy sexygirl sexybitch hottie bitch asshole fucker fuckyou fuckoff fuckme fuck
  motherfucker bastard bullshit shithead pussy pussycat cocacola pepsi coffee chocolate cookie cookies cupcake candy
  pumpkin peanut butter banana orange apples cherry strawberry lemon mango pepper ginger cinnamon monkey monkeys
  dragon dragons tiger tigers tigger lion lions eagle eagles bear bears wolf wolves panther panthers falcon falcons
  hawk ravens dolphin dolphins shark sharks horse horses unicorn butterfly ladybug spider scorpion snake cobra viper
  python turtle rabbit bunny kitty kitten kittycat hellokitty doggie doggy puppy puppies bulldog rottweiler chicken
  ducky donkey elephant giraffe penguin phoenix pegasus griffin dinosaur football fotbal futbol soccer baseball
  basketball softball volleyball hockey tennis golf golfer golfing cricket rugby boxing karate wrestling swimming
  skateboard skater snowboard surfer surfing racing running runner fitness arsenal chelsea liverpool manchester manutd
  barcelona realmadrid juventus acmilan ronaldo messi beckham cowboys steelers redskins packers patriots broncos
  raiders dodgers yankees redsox lakers celtics bulls cardinals buckeyes michael michelle jordan jennifer jessica
  jessie ashley amanda daniel danielle daniela thomas robert charlie charles matthew matthias andrew andrea andreas
  anthony antonio joshua justin jason brandon brandy brian christian christina christine christopher chris kristina
  nicole nicolas nicholas stephanie stephen steven samantha samuel sammy jonathan john johnny johnson william williams
  victor victoria vanessa veronica alexander alexandra alexis alejandro alejandra alex maria mariana marina martin
  martina patrick patricia richard rebecca rachel sandra sarah sabrina sebastian francisco fernando ricardo roberto
  carlos carolina caroline catherine katherine kathryn elizabeth eduardo gabriel gabriela george georgia gregory
  heather hannah isabella jasmine jackson jeffrey jeremy joseph julian juliana kimberly lauren leonardo madison
  melissa monica morgan natalie natasha oliver olivia pamela peter philip raymond scott taylor teresa tiffany timothy
  travis tyler vincent walter barbara benjamin bailey buster cameron casper chester dakota dexter diamond felix harley
  hunter lucky maggie maverick max maxwell molly murphy oscar precious rocky rusty sadie shadow simba smokey snickers
  snoopy sophie sparky spike toby winston zeus garfield mickey mickeymouse minnie donald goofy tinkerbell cinderella
  barbie scooby scoobydoo simpsons homer bartman spongebob america american england london paris france germany
  deutschland berlin hamburg schalke bayern munich italia italy roma milano espana spain mexico brasil brazil
  argentina canada toronto australia sydney russia moscow ukraine poland polska turkey istanbul india pakistan china
  japan tokyo africa newyork boston chicago dallas denver houston texas florida california arizona hawaii virginia
  jamaica january february march april june july august september october november december monday tuesday wednesday
  thursday friday saturday sunday spring summer autumn winter sunshine sunflower sunset sunrise rainbow raindrop
  thunder lightning storm snowball snowflake snowman flower flowers blossom rose roses daisy lily violet forest river
  ocean mountain island beach heaven paradise nature galaxy universe planet stars starlight moonlight midnight black
  white blue green yellow purple pink silver golden crystal blackjack blackcat bluebird blueeyes redhead freedom
  liberty peace justice victory winner champion champ hero legend warrior soldier army navy marine marines airforce
  ranger knight ninja samurai pirate pirates hacker killer assassin sniper hitman terminator predator punisher
  destroyer vampire zombie monster demon devil lucifer satan hell jesus jesuschrist christ jesusislord godisgood
  godislove thankgod blessed blessing faith grace hope believe trust trustno trustnoone family mother father mommy
  daddy mama papa brother sister friend friends friendship bestfriend buddy student teacher doctor lawyer school
  college university business money dollar dollars million rich poker casino lottery jackpot fortune ferrari porsche
  mercedes mustang corvette camaro chevrolet chevy toyota honda yamaha suzuki kawasaki ducati harleydavidson bmw audi
  volkswagen volvo subaru nissan jeep truck trucker racecar motorcycle motocross qwerty qwertz azerty qwert qwertyui
  asdf asdfgh asdfghjk zxcvbn zxcvbnm abc abcd abcdef abcdefg blahblah lalala hahaha happy happiness happyday smile
  smiley laughing crazy stupid idiot loser funny cool coolio coolgirl awesome amazing perfect special genius please
  thanks thankyou sorry remember forget forgetit goaway stop start begin open opensesame sesame number one two three
  seven magic magical wizard mystery mystic dream dreams dreamer fantasy fantastic imagine wonderful scarlet bigdog
  bigdaddy bigboy bigtits playboy player gamer gaming games gameover hotdog hotrod hotstuff hardcore metal gothic
  rebel outlaw bandit cowboy redneck joker jester clown gangster gangsta thug mafia scarface tupac
  `
    .trim()
    .split(/\s+/),
);

/** Common passwords that are neither a common word in disguise nor a walk over the keyboard. */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(
  `
  13579246 13572468 24681357 1357924680 31415926 3141592654 27182818 11235813 147896325 123698745 1236987450 123581321
  ncc1701d ncc1701e thx1138a 8675309a 867530900 jenny8675309 rush2112 bond007bond agent007 jamesbond jamesbond007
  blink182 sum41sum41 50centcent ou812ou812 fyfcnfcbz gfhjkm123 gfhjkmgfhjkm ghbdtnghbdtn ghbdtn123 vfrcbvrf yfnfif123
  fktrcfylh fktrcfylhf cjkysirj rjntyjr123 r2d2c3po c3por2d2 h4x0rh4x0r d41d8cd98f00 drowssap drowssap1 nimda123
  nimdanimda toor1234 tset1234 correcthorse correcthorsebatterystaple iamthebest iamthebest1 imthebest1 ihavenone
  idontknow idontcare dontforget notpassword nopassword mypassword mypassword1 yourpassword newpassword newpass1
  oldpassword thepassword passwordispassword password1password admin1admin adminpass adminpassword rootpass userpass
  usernamepassword testpass testpassword welcomeback welcomehome letmeinnow enterenter enter123 thunderbird firebird
  bluemoon blackbird redbull1 mountaindew drpepper budlight heineken corona123 jackdaniels whiskey1 marlboro
  marijuana420 weed420420 smoke420 66666969 18436572 a838hfid g9i8f7e6 1qw23er4 liverpoolfc chelseafc arsenalfc
  messi10messi kobe2424 lebron23 michaeljordan airjordan tombrady12 harrypotter hogwarts1 gryffindor slytherin
  dumbledore voldemort lordoftherings bilbobaggins gameofthrones winteriscoming darthvader lukeskywalker obiwankenobi
  skywalker jediknight maytheforce stormtrooper chewbacca mortalkombat counterstrike halflife2 callofduty grandtheft
  worldofwarcraft leagueoflegends finalfantasy dragonball dragonballz naruto123 sasuke123 onepiece deathnote
  sailormoon hellfire waterfall watermelon blueberry raspberry pineapple moonshine starfish goldfish jellyfish
  catfish1 swordfish grasshopper dragonfly bumblebee firefly1 caterpillar chihuahua labrador dalmatian greyhound
  retriever jesuslovesme ilovejesus ilovegod godbless godbless1 praisegod hallelujah hosanna1 psalm2323
  iloveyou1234567 iloveyousomuch iloveyoubaby ilovemymom ilovemydad ilovemyfamily ilovemyself iloveyouforever
  lovemybaby lovehurts lovesucks kissmyass kissme12 suckmydick eatshit1 bigdick1 cocksucker teamomucho teamo123
  tequiero tequieromucho teamoteamo mibebe123 miamor123 amormio1 amorcito1 corazon1 estrella1 mariposa jetaime1
  doudou12 loulou12 soleil12 coucou12 marseille marseille13 schatz12 schatzi1 ichliebedich sommer12 sonnenschein
  borussia borussia09 fussball1 ficken12 arschloch arschloch1 schmetterling hannover96 forzamilan forzajuve francesco
  giuseppe1 alessandro valentina valentino principessa amoremio feyenoord ajax1234 amsterdam rotterdam kochanie
  misiek12 galatasaray fenerbahce besiktas sayang123 indonesia bismillah bismillah1 alhamdulillah allahuakbar
  mashallah inshallah krishna1 ganesha1 sairam12 omnamahshivaya jaimatadi mahadev1 5201314520 woaini520 woaini1314
  woaini123 5211314a a5201314 aini1314 wang1234 nihao123 zhangwei 1314520520 77585210 sakura12 doraemon naruto12
  jakarta12 manila123 philippines mabuhay1 summertime wintertime springtime christmas christmas1 halloween birthday
  birthday1 happybirthday valentine newyear1 holiday1 vacation weekend1 lifeisgood lifesucks carpediem hakunamatata
  justdoit neverland neverforget nevergiveup neveragain believeinme trustinme dontworry behappy1 goodluck goodtimes
  goodgirl goodboy1 badgirl1 badboy12 babygurl supergirl superstar superhero supersonic superfly superdog supernova
  lovebug1 ladygaga justinbieber onedirection jonasbrothers taylorswift michaeljackson linkinpark linkinpark1 greenday
  greenday1 mychemicalromance ironmaiden ledzeppelin pinkfloyd ironmaiden666 gunsnroses deftones windowsxp database
  oracle12 cisco123 raspberrypi ubuntu12 linux123 pass@word1 service1 support1 operator manager1 monitor1 tomcat12
  jboss123 manager123 weblogic postgres mysql123 oracle123 sqlserver elasticsearch kubernetes raspberry1
  `
    .trim()
    .split(/\s+/),
);
